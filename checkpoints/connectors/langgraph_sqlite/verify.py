"""Reading every row of a file and naming what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key
from checkpoints.connectors.langgraph_sqlite.database import Database
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.errors import CorruptCheckpoint, PermanentStoreError
from checkpoints.records import Finding

_ORPHANS = (
    "SELECT DISTINCT thread_id, checkpoint_id FROM writes w WHERE NOT EXISTS"
    " (SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id"
    " AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)"
)


def verify(rows: Rows) -> Iterator[Finding]:
    """Yield what is wrong: damaged pages, unreadable bodies, broken lineage, orphaned writes."""
    try:
        yield from _pages(rows.database)
        for row in rows.checkpoints("TRUE ORDER BY rowid"):
            yield from _findings(rows, row)
        yield from _orphans(rows.database)
    except PermanentStoreError as error:
        yield Finding(kind="damaged_file", message=str(error))


def _pages(database: Database) -> Iterator[Finding]:
    for (message,) in database.rows("PRAGMA quick_check(20)"):
        if message != "ok":
            yield Finding(kind="damaged_file", message=f"SQLite reports: {message}")


def _findings(rows: Rows, row: CheckpointRow) -> Iterator[Finding]:
    key = row.key
    try:
        body = bodies.decode_body(row)
    except CorruptCheckpoint as error:
        kind = "encrypted" if row.type and "+" in row.type else "undecodable"
        yield _finding(kind, str(error), key)
    else:
        if body.id and body.id != key.checkpoint_id:
            yield _finding("wrong_id", f"the body says that its id is {body.id}", key)
    if row.metadata and not bodies.decode_metadata(row):
        yield _finding("undecodable_metadata", "the metadata is not a JSON object", key)
    if row.parent_id and not rows.checkpoint(Key(key.thread_id, key.namespace, row.parent_id)):
        message = f"its parent {row.parent_id} is not in the store; its lineage ends here"
        yield _finding("missing_parent", message, key)
    yield from _unreadable_writes(rows, key)


def _unreadable_writes(rows: Rows, key: Key) -> Iterator[Finding]:
    for write in rows.writes(key):
        try:
            inert.decode_typed(write.type, rows.write_value(write))
        except CorruptCheckpoint as error:
            message = f"what a task wrote to {write.channel} cannot be read: {error}"
            yield _finding("undecodable_write", message, key)


def _orphans(database: Database) -> Iterator[Finding]:
    for thread_id, checkpoint_id in database.rows(_ORPHANS):
        message = f"writes remain of the checkpoint {checkpoint_id}, which is gone"
        yield Finding(
            kind="orphaned_writes",
            message=message,
            checkpoint_id=str(checkpoint_id),
            thread_id=str(thread_id),
        )


def _finding(kind: str, message: str, key: Key) -> Finding:
    return Finding(
        kind=kind,
        message=message,
        checkpoint_id=key.checkpoint_id,
        thread_id=key.thread_id,
    )
