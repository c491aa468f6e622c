"""The commands that only look: list, show and diff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import errors
from checkpoints.cli.opening import InThread, Json, Url, opened
from checkpoints.connectors.langgraph_native import load_readable
from checkpoints.diffs import diff_states
from checkpoints.errors import CorruptCheckpoint
from checkpoints.presentation import presentable
from checkpoints.records import Changes, Checkpoint
from checkpoints.stores.base import ReadableStore


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


def show(url: Url, checkpoint: str, thread: InThread = None, as_json: Json = False) -> None:
    """Show one checkpoint: its record and its state (null when it is corrupt)."""
    with opened(url) as store:
        record = store.get(checkpoint, thread_id=thread)
        try:
            _print_whole(record, load_readable(store, record), as_json=as_json)
        except CorruptCheckpoint:
            _print_whole(record, None, as_json=as_json)
            raise


def diff(url: Url, before: str, after: str, thread: InThread = None, as_json: Json = False) -> None:
    """Show what changed in the state from one checkpoint to another."""
    with opened(url) as store:
        records = [store.get(ref, thread_id=thread) for ref in (before, after)]
        states = [load_readable(store, record) for record in records]
    changes = diff_states(*states)
    if as_json:
        output.print_json([presentable(change.to_dict()) for change in changes])
    else:
        output.print_changes(changes)


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
