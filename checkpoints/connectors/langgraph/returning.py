"""Checkpoints in the trash: which they are, bringing them back, and deleting them for good."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from checkpoints.connectors.langgraph.exact import (
    CHECKPOINTS,
    VALUES,
    WRITES,
    ExactRows,
    PrunableDatabase,
    PrunableRows,
    Row,
    named,
    without_parent,
)
from checkpoints.connectors.langgraph.leaving import Held, Leaving, LeavingValue, mark_undone
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph.skeleton import Skeleton
from checkpoints.errors import CorruptCheckpoint
from checkpoints.stores.operable import Trash

_OTHER = "a checkpoint with this id and another content is there"
_OTHER_WRITES = "tasks wrote to this id since, and something else"
_OTHER_VALUE = "a value that it held has another content in the store"
_NO_VALUE = "a value that it held lies no more in the trash"
_NOT_HERE = "it does not lie in the trash of this operation"


def trashed(
    rows: PrunableRows, thread_id: str, *, operation_id: str, trash: Trash
) -> dict[str, str | None]:
    """Return what lies in the trash and not in the store, with the digests."""
    there = Skeleton.read(rows, thread_id).parents
    lying = Held.read(trash, operation_id, thread_id).leaving()
    return {key.checkpoint_id: one.sha256 for key, one in lying.items() if key not in there}


def put_back(
    database: PrunableDatabase,
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
    with database.writing(thread_id):
        refused = _inserted(database, lying, held.values())
        missing = wanted - {one.key.checkpoint_id for one in lying}
        refused |= _absent(database.rows(), thread_id, missing)
    trash.drop(operation_id, thread_id, held.keys_of(wanted - refused.keys()))
    return refused


def purge(
    thread_id: str, checkpoint_ids: Collection[str], *, operation_id: str, trash: Trash
) -> int:
    """Delete what lies in the trash for good; return the bytes of the rows."""
    held = Held.read(trash, operation_id, thread_id)
    going = [one for key, one in held.leaving().items() if key.checkpoint_id in checkpoint_ids]
    keys, values = held.keys_of(checkpoint_ids), held.values()
    trash.drop(operation_id, thread_id, keys)
    freed = sum(values[key].size for key in keys if key in values)
    return freed + sum(one.size for one in going)


def _inserted(
    database: PrunableDatabase, lying: Sequence[Leaving], values: Mapping[str, LeavingValue]
) -> dict[str, str]:
    database.rows()
    exact, refused = database.exact(), {}
    for one in lying:
        reason = _why_not(exact, one) or _why_not_its_values(exact, one, values)
        if reason:
            refused[one.key.checkpoint_id] = reason
        else:
            _insert(exact, one)
            _insert_values(exact, one, values)
    for one in lying:
        for child in one.children if one.key.checkpoint_id not in refused else ():
            exact.link(Key(one.key.thread_id, one.key.namespace, child), one.key.checkpoint_id)
    return refused


def _why_not(exact: ExactRows, one: Leaving) -> str | None:
    there = exact.of(one.key)
    for row in there[CHECKPOINTS]:
        found = without_parent(exact.columns[CHECKPOINTS], row)
        if found != without_parent(one.columns[CHECKPOINTS], one.rows[CHECKPOINTS][0]):
            return _OTHER
    known = {_task(one.columns[WRITES], row): row for row in one.rows[WRITES]}
    mixed = [row for row in there[WRITES] if _differs(exact, row, known)]
    return _OTHER_WRITES if mixed and not there[CHECKPOINTS] else None


def _differs(exact: ExactRows, row: Row, known: dict[tuple[Any, ...], Row]) -> bool:
    return known.get(_task(exact.columns[WRITES], row), row) != row


def _task(columns: Sequence[str], row: Row) -> tuple[Any, ...]:
    """Return what names a write within its checkpoint."""
    values = named(columns, row)
    return tuple(values["task_id"]), tuple(values["idx"])


def _insert(exact: ExactRows, one: Leaving) -> None:
    if exact.of(one.key)[CHECKPOINTS]:
        return
    for table, rows in one.rows.items():
        for row in rows:
            exact.insert(table, one.columns[table], row)
    there = exact.of(one.key)
    for table, rows in one.rows.items():
        if any(row not in there[table] for row in rows):
            raise _unlike(one)


def _why_not_its_values(
    exact: ExactRows, one: Leaving, values: Mapping[str, LeavingValue]
) -> str | None:
    for name in one.values:
        if name not in values:
            return _NO_VALUE
        there = exact.value(one.key.thread_id, values[name].apart)
        if there not in (None, values[name].row):
            return _OTHER_VALUE
    return None


def _insert_values(exact: ExactRows, one: Leaving, values: Mapping[str, LeavingValue]) -> None:
    for value in (values[name] for name in one.values):
        exact.insert(VALUES, value.columns, value.row)
        if exact.value(one.key.thread_id, value.apart) != value.row:
            raise _unlike(one)


def _unlike(one: Leaving) -> CorruptCheckpoint:
    name = one.key.checkpoint_id
    return CorruptCheckpoint(
        f"{name} does not read back as it was; nothing was brought back", checkpoint_id=name
    )


def _absent(rows: PrunableRows, thread_id: str, names: Collection[str]) -> dict[str, str]:
    listed = {key.checkpoint_id for key in Skeleton.read(rows, thread_id).parents}
    return {name: _NOT_HERE for name in names if name not in listed}
