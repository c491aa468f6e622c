"""The commands that look after a store: verify, repair, rebuild and selftest."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import Exit, errors, explained
from checkpoints.cli.findings import print_findings
from checkpoints.cli.opening import DryRun, Json, Url, Yes, confirm, opened, print_result
from checkpoints.errors import PermanentStoreError
from checkpoints.records import Finding
from checkpoints.selftest import Outcome, Verdict, run
from checkpoints.stores.base import ReadableStore, RepairableStore
from checkpoints.stores.thorough import verified

Deep = Annotated[bool, typer.Option("--deep", help="Decode every state too, where it is not.")]


def verify(url: Url, deep: Deep = False, as_json: Json = False) -> None:
    """Read everything in a store and name what is wrong. Exit code 1 when something is."""
    with opened(url) as store, errors.status("Reading…"):
        findings = list(verified(store, deep=deep))
    _print_findings(findings, as_json=as_json)
    raise typer.Exit(Exit.FINDINGS if findings else Exit.OK)


def repair(url: Url, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False) -> None:
    """Move what cannot be read into quarantine, where its bytes are kept."""
    with opened(url) as store:
        mendable = _mendable(store, url, "repaired")
        findings = _found(store)
        if dry_run or not (findings and as_json):
            _print_findings(findings, as_json=as_json)
        if dry_run or not findings:
            return
        confirm(yes, "repair")
        moved = mendable.repair(now=datetime.now(UTC))
    if as_json or moved:
        _print_findings(moved, as_json=as_json)
    else:
        output.console.print("There was nothing to move; nothing was changed.")


def _found(store: ReadableStore) -> list[Finding]:
    """Return what is wrong; also that nothing can be read, for repairing may still help."""
    try:
        return list(store.verify())
    except PermanentStoreError as error:
        return [Finding(kind="unreadable_store", message=str(error))]


def rebuild(url: Url, yes: Yes = False, as_json: Json = False) -> None:
    """Remake a store's listing from the checkpoints that lie in it."""
    with opened(url) as store:
        mendable = _mendable(store, url, "rebuilt")
        confirm(yes, "rebuild")
        count = mendable.rebuild(now=datetime.now(UTC))
    print_result(as_json, {"checkpoints": count}, f"Done. {count} checkpoints are listed.")


def selftest(url: Url, as_json: Json = False) -> None:
    """Try a kind of store, in a scratch place beside the URL, before it is trusted."""
    with explained(), _cleared_up_when_terminated():
        outcomes = run(url, on_outcome=None if as_json else output.print_outcome)
    if as_json:
        output.print_json([outcome.to_dict() for outcome in outcomes])
    raise typer.Exit(_exit_of(outcomes))


@contextmanager
def _cleared_up_when_terminated() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that scratch places are removed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_of(outcomes: Iterable[Outcome]) -> Exit:
    failed = any(outcome.verdict is Verdict.DID_NOT_HOLD for outcome in outcomes)
    return Exit.FINDINGS if failed else Exit.OK


def _mendable(store: ReadableStore, url: str, verb: str) -> RepairableStore:
    if isinstance(store, RepairableStore):
        return store
    scheme = url.partition("://")[0]
    raise PermanentStoreError(
        f"{scheme}:// is a kind of store that cannot be {verb}; nothing was changed"
    )


def _print_findings(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        output.print_json([finding.to_dict() for finding in findings])
    else:
        print_findings(findings)
