"""The commands on stores, and the door through which the dashboard adds its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Annotated, Any
from uuid import uuid4

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import Exit, errors, explained
from checkpoints.diffs import diff_states
from checkpoints.errors import CorruptCheckpoint
from checkpoints.lineage import plan_restore, restorable, restore
from checkpoints.presentation import presentable
from checkpoints.records import Changes, Checkpoint, RestorePlan
from checkpoints.stores.base import ReadableStore
from checkpoints.stores.urls import open_store

app = typer.Typer(
    name="holdfast",
    help="See, understand and recover the checkpoints of your agents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Url = Annotated[str, typer.Argument(help="Store URL, such as sqlite:///holdfast.db")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InThread = Annotated[str | None, typer.Option("--thread", help="Only this thread.")]


@contextmanager
def opened(url: str) -> Iterator[ReadableStore]:
    """Open an existing store for one command."""
    with explained(), closing(open_store(url, must_exist=True)) as store:
        yield store


@app.command("list")
def list_checkpoints(
    url: Url,
    thread: InThread = None,
    as_json: Json = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest N.")] = None,
) -> None:
    """List checkpoints, newest first. What cannot be read is named on stderr and left out."""
    with opened(url) as store:
        records = _everything(store) if thread is None else store.history(None, thread)
    if as_json:
        output.print_json([record.to_dict() for record in records[:limit]])
    else:
        output.print_records(records[:limit])


@app.command()
def show(url: Url, checkpoint: str, thread: InThread = None, as_json: Json = False) -> None:
    """Show one checkpoint: its record and its state (null when it is corrupt)."""
    with opened(url) as store:
        record = store.get(checkpoint, thread_id=thread)
        try:
            _print_whole(record, store.load(record), as_json=as_json)
        except CorruptCheckpoint:
            _print_whole(record, None, as_json=as_json)
            raise


@app.command()
def diff(url: Url, before: str, after: str, thread: InThread = None, as_json: Json = False) -> None:
    """Show what changed in the state from one checkpoint to another."""
    with opened(url) as store:
        states = [store.load(store.get(ref, thread_id=thread)) for ref in (before, after)]
    changes = diff_states(*states)
    if as_json:
        output.print_json([presentable(change.to_dict()) for change in changes])
    else:
        output.print_changes(changes)


@app.command("restore")
def restore_checkpoint(
    url: Url,
    thread: Annotated[str, typer.Option(help="The thread to restore.")],
    checkpoint: Annotated[str, typer.Option(help="The checkpoint to go back to.")],
    reason: Annotated[str, typer.Option(help="Why; kept beside the restored head.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Make an earlier checkpoint what the next run resumes from. What came later stays."""
    with opened(url) as store:
        plan = plan_restore(store, store.get(checkpoint, thread_id=thread))
        if not as_json:
            output.print_plan(plan)
        if dry_run:
            _print_result(
                as_json,
                {"dry_run": True, "plan": plan.to_dict()},
                "Nothing was changed.",
            )
        else:
            _confirm(yes)
            _carry_out(store, plan, reason, as_json)


@app.command()
def verify(url: Url, as_json: Json = False) -> None:
    """Read everything in a store and name what is wrong. Exit code 1 when something is."""
    with opened(url) as store, errors.status("Reading…"):
        findings = list(store.verify())
    if as_json:
        output.print_json([finding.to_dict() for finding in findings])
    else:
        output.print_findings(findings)
    raise typer.Exit(Exit.FINDINGS if findings else Exit.OK)


def _print_whole(record: Checkpoint, state: dict[str, Any] | None, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"checkpoint": record.to_dict(), "state": presentable(state)})
    else:
        output.print_record(record, state)


def _everything(store: ReadableStore) -> list[Checkpoint]:
    """Return every record, newest first; name on stderr what could not be read."""
    records: list[Checkpoint] = []
    for page in _pages(store):
        records.extend(page.checkpoints)
        for finding in page.findings:
            errors.print(f"[yellow]skipped[/] {output.shown(finding.message)}")
    return records[::-1]


def _pages(store: ReadableStore) -> Iterator[Changes]:
    cursor: str | None = None
    complete = False
    while not complete:
        page = store.changes(cursor)
        yield page
        complete = page.complete or page.cursor == cursor
        cursor = page.cursor


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        errors.print("holdfast: add --yes to restore without being asked; nothing was changed")
        raise typer.Exit(Exit.USAGE)
    if not typer.confirm("Restore?", err=True):
        errors.print("holdfast: nothing was changed")
        raise typer.Exit(Exit.REFUSED)


def _carry_out(store: ReadableStore, plan: RestorePlan, reason: str, as_json: bool) -> None:
    operation_id = str(uuid4())
    done = restore(
        store,
        plan,
        written_ids=restorable(store).choose_ids(plan),
        operation_id=operation_id,
        reason=reason,
        now=datetime.now(UTC),
    )
    result = {
        "dry_run": False,
        "operation_id": operation_id,
        "plan": plan.to_dict(),
        "previous_head": done.previous_head,
        "head": done.head.checkpoint_id,
        "superseded_by": done.superseded_by,
    }
    _print_result(as_json, result, f"Done. The head is {done.head.checkpoint_id}.")
    if done.superseded_by:
        errors.print(f"A live run has already written {output.shown(done.superseded_by)} over it.")
        raise typer.Exit(Exit.REFUSED)


def _print_result(as_json: bool, result: dict[str, Any], sentence: str) -> None:
    if as_json:
        output.print_json(result)
    else:
        output.console.print(output.shown(sentence))


def _load_extensions() -> None:
    """Let installed packages add commands; where libraries are missing, say what to install."""
    for entry in entry_points(group="holdfast.commands"):
        try:
            entry.load()(app)
        except ModuleNotFoundError as error:
            _explain_missing(entry.name, str(error.name))


def _explain_missing(name: str, module: str) -> None:
    @app.command("up", help=f"Needs holdfast[{name}].")
    def up() -> None:
        what = f"holdfast up needs {module}; install it with: pip install 'holdfast[{name}]'"
        errors.print(what, markup=False, highlight=False)
        raise typer.Exit(Exit.STORE)


def main() -> None:
    """Run the command line."""
    _load_extensions()
    app()
