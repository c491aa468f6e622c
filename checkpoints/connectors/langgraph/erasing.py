"""Deleting checkpoints for good, in the file and in the trash, so that no byte of them is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from checkpoints.connectors.langgraph.records import sha256_of
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph_sqlite import schema, space
from checkpoints.connectors.langgraph_sqlite.database import Database
from checkpoints.connectors.langgraph_sqlite.exact import ExactRows
from checkpoints.connectors.langgraph_sqlite.leaving import Held
from checkpoints.connectors.langgraph_sqlite.needs import Needs
from checkpoints.connectors.langgraph_sqlite.pruning import CHANGED, take_out
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.langgraph_sqlite.skeleton import Skeleton
from checkpoints.errors import PlanRefused
from checkpoints.plans import ThreadErased, ThreadErasure
from checkpoints.records import RestoreTarget
from checkpoints.stores.operable import Trash

_SINCE = "it was saved since the plan was made"
_BYTES_LEFT = (
    "its rows are deleted, but their bytes may still lie in the file, which another process "
    "holds; erase again when it has let go"
)
_PATIENCE = 5.0
_ORPHANS = (
    "DELETE FROM writes WHERE thread_id = ?1 AND NOT EXISTS (SELECT 1 FROM checkpoints c"
    " WHERE c.thread_id = ?1 AND c.checkpoint_ns = writes.checkpoint_ns"
    " AND c.checkpoint_id = writes.checkpoint_id)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseOrder:
    """An erasure to be carried out."""

    erasure: ThreadErasure
    now: datetime
    trash: Trash | None


def erase(path: Path, order: EraseOrder) -> ThreadErased:
    """Carry out an erasure, or what is left of it.

    Raises StoreError or PlanRefused; then nothing was erased.
    """
    erasure = order.erasure
    database = Database(path, writable=True)
    try:
        with database.writing():
            remaining = _deleted(database, erasure)
    finally:
        database.close()
    if order.trash is not None:
        _drop(order.trash, erasure)
    clean = space.give_back(path, always=True, patience=_PATIENCE)
    gone = [target for target in erasure.targets if target.checkpoint_id not in remaining]
    if not clean:
        remaining |= {target.checkpoint_id: _BYTES_LEFT for target in gone}
    return ThreadErased(
        agent_id=erasure.agent_id,
        thread_id=erasure.thread_id,
        erased=tuple(gone if clean else ()),
        remaining=remaining,
        erased_at=order.now,
    )


def _deleted(database: Database, erasure: ThreadErasure) -> dict[str, str]:
    """Delete what may go and return what stays, and why."""
    found = schema.inspect(database)
    if found.no_restore:
        raise PlanRefused(f"{found.no_restore}; nothing was erased")
    rows = Rows(database, has_task_path=found.has_task_path)
    skeleton = Skeleton.read(rows, erasure.thread_id)
    targets = {_key(erasure, target): target for target in erasure.targets}
    remaining = _unlike(rows, skeleton, targets)
    going = [key for key in targets if key in skeleton.parents and key not in remaining]
    kept = skeleton.parents.keys() - set(going)
    if erasure.whole:
        remaining |= {key: _SINCE for key in kept if key not in targets}
    if going and kept:
        needed = Needs(rows, erasure.thread_id, skeleton, subgraphs=False).of(kept)
        remaining |= {key: reason for key, reason in needed.items() if key in targets}
    gone = [key for key in going if key not in remaining]
    take_out(ExactRows(database), _with_children(skeleton, gone))
    if erasure.whole:
        database.execute(_ORPHANS, (erasure.thread_id,))
    return {key.checkpoint_id: reason for key, reason in remaining.items()}


def _key(erasure: ThreadErasure, target: RestoreTarget) -> Key:
    return Key(erasure.thread_id, target.namespace, target.checkpoint_id)


def _unlike(rows: Rows, skeleton: Skeleton, targets: dict[Key, RestoreTarget]) -> dict[Key, str]:
    """Return the targets that are not what the plan saw."""
    known = {key: target for key, target in targets.items() if key in skeleton.parents}
    return {
        key: CHANGED
        for key, target in known.items()
        if target.sha256 not in (None, sha256_of(rows.required(key)))
    }


def _with_children(skeleton: Skeleton, going: Iterable[Key]) -> dict[Key, list[Key]]:
    gone = set(going)
    children = {key: skeleton.children.get(key, []) for key in going}
    return {key: [c for c in found if c not in gone] for key, found in children.items()}


def _drop(trash: Trash, erasure: ThreadErasure) -> None:
    """Delete from the trash what the erasure names; of a whole thread all that lies there."""
    names = {target.checkpoint_id for target in erasure.targets}
    for operation_id in trash.operations(erasure.thread_id):
        held = Held.read(trash, operation_id, erasure.thread_id)
        keys = held.keys if erasure.whole else held.keys_of(names)
        trash.drop(operation_id, erasure.thread_id, keys)
