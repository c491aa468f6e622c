"""Checkpoints in the trash: which they are, bringing them back, and deleting them for good."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph_sqlite import schema
from checkpoints.connectors.langgraph_sqlite.database import Database
from checkpoints.connectors.langgraph_sqlite.exact import ExactRows, Row, without_parent
from checkpoints.connectors.langgraph_sqlite.leaving import Held, Leaving, mark_undone
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.langgraph_sqlite.skeleton import Skeleton
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.stores.operable import Trash

_OTHER = "a checkpoint with this id and another content is there"
_OTHER_WRITES = "tasks wrote to this id since, and something else"
_NOT_HERE = "it does not lie in the trash of this operation"


def trashed(
    rows: Rows, thread_id: str, *, operation_id: str, trash: Trash
) -> dict[str, str | None]:
    """Return what lies in the trash and not in the file, with the digests."""
    there = Skeleton.read(rows, thread_id).parents
    lying = Held.read(trash, operation_id, thread_id).leaving()
    return {key.checkpoint_id: one.sha256 for key, one in lying.items() if key not in there}


def put_back(
    path: Path,
    thread_id: str,
    checkpoint_ids: Sequence[str],
    *,
    operation_id: str,
    trash: Trash,
) -> dict[str, str]:
    """Insert rows as they were and return which cannot be, and why.

    First it is noted that the operation is undone for them, so that it never takes them again.
    """
    wanted = frozenset(checkpoint_ids)
    mark_undone(trash, operation_id, thread_id, wanted)
    held = Held.read(trash, operation_id, thread_id)
    lying = [one for key, one in held.leaving().items() if key.checkpoint_id in wanted]
    database = Database(path, writable=True)
    try:
        with database.writing():
            refused = _inserted(database, lying)
            missing = wanted - {one.key.checkpoint_id for one in lying}
            refused |= _absent(database, thread_id, missing)
    finally:
        database.close()
    trash.drop(operation_id, thread_id, held.keys_of(wanted - refused.keys()))
    return refused


def purge(
    thread_id: str, checkpoint_ids: Collection[str], *, operation_id: str, trash: Trash
) -> int:
    """Delete what lies in the trash for good; return the bytes of the rows."""
    held = Held.read(trash, operation_id, thread_id)
    going = [one for key, one in held.leaving().items() if key.checkpoint_id in checkpoint_ids]
    trash.drop(operation_id, thread_id, held.keys_of(checkpoint_ids))
    return sum(one.size for one in going)


def _inserted(database: Database, lying: Sequence[Leaving]) -> dict[str, str]:
    found = schema.inspect(database)
    if found.no_restore:
        raise PlanRefused(f"{found.no_restore}; nothing was brought back")
    exact, refused = ExactRows(database), {}
    for one in lying:
        reason = _why_not(exact, one)
        if reason:
            refused[one.key.checkpoint_id] = reason
        else:
            _insert(exact, one)
    for one in lying:
        for child in one.children if one.key.checkpoint_id not in refused else ():
            exact.link(Key(one.key.thread_id, one.key.namespace, child), one.key.checkpoint_id)
    return refused


def _why_not(exact: ExactRows, one: Leaving) -> str | None:
    there = exact.of(one.key)
    for row in there["checkpoints"]:
        found = without_parent(exact.columns["checkpoints"], row)
        if found != without_parent(one.columns["checkpoints"], one.rows["checkpoints"][0]):
            return _OTHER
    known = {_task(one.columns["writes"], row): row for row in one.rows["writes"]}
    mixed = [row for row in there["writes"] if _differs(exact, row, known)]
    return _OTHER_WRITES if mixed and not there["checkpoints"] else None


def _differs(exact: ExactRows, row: Row, known: dict[tuple[Any, ...], Row]) -> bool:
    return known.get(_task(exact.columns["writes"], row), row) != row


def _task(columns: Sequence[str], row: Row) -> tuple[Any, ...]:
    """Return what names a write within its checkpoint."""
    named = dict(zip(columns, map(tuple, row), strict=True))
    return named["task_id"], named["idx"]


def _insert(exact: ExactRows, one: Leaving) -> None:
    if exact.of(one.key)["checkpoints"]:
        return
    for table, rows in one.rows.items():
        for row in rows:
            exact.insert(table, one.columns[table], row)
    there = exact.of(one.key)
    for table, rows in one.rows.items():
        if any(row not in there[table] for row in rows):
            raise CorruptCheckpoint(
                f"{one.key.checkpoint_id} does not read back as it was; nothing was brought back",
                checkpoint_id=one.key.checkpoint_id,
            )


def _absent(database: Database, thread_id: str, names: Collection[str]) -> dict[str, str]:
    rows = Rows(database, has_task_path=False)
    listed = {key.checkpoint_id for key in Skeleton.read(rows, thread_id).parents}
    return {name: _NOT_HERE for name in names if name not in listed}
