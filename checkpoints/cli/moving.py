"""The command that copies a store into one of another kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from checkpoints.cli import output
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.findings import print_findings
from checkpoints.cli.opening import DryRun, InThread, Json, Yes, confirm, opened
from checkpoints.errors import PlanRefused
from checkpoints.migration import Report, Survey, migrate, survey
from checkpoints.records import Finding
from checkpoints.stores.base import ReadableStore, Store
from checkpoints.stores.urls import absolute_url, open_store, parse_url

LINE_EVERY = 100
Old = Annotated[str, typer.Argument(help="URL of the store to copy; it is only read.")]
New = Annotated[str, typer.Argument(help="URL of the store to copy into.")]


def migrate_store(
    old: Old,
    new: New,
    thread: InThread = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Copy a store, or a thread of it, with its history. Broken off and run again it goes on."""
    with opened(old) as source:
        _refuse_same(old, new)
        with closing(open_store(new)) as target:
            with errors.status("Reading…"):
                plan = survey(source, target, thread=thread)
            if dry_run:
                _print_survey(plan, as_json=as_json)
                raise typer.Exit(Exit.FINDINGS if plan.findings else Exit.OK)
            if not as_json:
                output.console.print(_sentence(plan))
            confirm(yes, "migrate")
            report = _carry_out(source, target, thread, plan.checkpoints)
    _print_report(report, as_json=as_json)
    raise typer.Exit(Exit.FINDINGS if report.findings else Exit.OK)


def _refuse_same(old: str, new: str) -> None:
    paths = [parse_url(url).path.resolve() for url in (old, new)]
    on_disk = all(parse_url(url).path.parts for url in (old, new))
    if absolute_url(old) == absolute_url(new) or (on_disk and paths[0] == paths[1]):
        raise PlanRefused("a store cannot be migrated into itself; nothing was copied")


def _carry_out(
    source: ReadableStore, target: ReadableStore, thread: str | None, total: int
) -> Report:
    if not isinstance(target, Store):
        raise TypeError("the survey has refused such a store")
    with _progress(total) as on_progress:
        return migrate(source, target, thread=thread, on_progress=on_progress)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr how far it is: a bar in a terminal, else a line now and then."""
    if not errors.is_terminal:
        yield lambda done: _print_line(done, total)
        return
    columns = (TextColumn("Copying"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def _print_line(done: int, total: int) -> None:
    if done % LINE_EVERY == 0 or done == total:
        errors.print(f"{done} of {total} checkpoints", highlight=False)


def _sentence(plan: Survey) -> str:
    there = f", {plan.present} of them are there already" if plan.present else ""
    return (
        f"{plan.checkpoints} checkpoints of {plan.threads} threads{there}; {plan.pins} pins, "
        f"{plan.entries} journal entries. The versions of heads begin anew."
    )


def _print_survey(plan: Survey, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"dry_run": True, **plan.to_dict()})
        return
    output.console.print(_sentence(plan))
    _print_findings(plan.findings)
    output.console.print("Nothing was changed.")


def _print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"dry_run": False, **report.to_dict()})
        return
    _print_findings(report.findings)
    output.console.print(
        f"Done. {report.copied} checkpoints were copied and read back, {report.present} were there "
        f"already and are the same; {report.heads} heads, {report.pins} pins and {report.entries} "
        "journal entries stand as they did."
    )


def _print_findings(findings: list[Finding]) -> None:
    if findings:
        print_findings(findings)
