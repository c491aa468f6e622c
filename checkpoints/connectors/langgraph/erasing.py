"""Deleting checkpoints for good, in the store and in the trash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from checkpoints.connectors.langgraph.exact import PrunableDatabase, PrunableRows, required
from checkpoints.connectors.langgraph.leaving import Held
from checkpoints.connectors.langgraph.needs import Needs
from checkpoints.connectors.langgraph.pruning import CHANGED, take_out
from checkpoints.connectors.langgraph.records import sha256_of
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph.skeleton import Skeleton
from checkpoints.plans import ThreadErasure
from checkpoints.records import RestoreTarget
from checkpoints.stores.operable import Trash

_SINCE = "it was saved since the plan was made"


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseOrder:
    """An erasure to be carried out."""

    erasure: ThreadErasure
    trash: Trash | None


def erase(database: PrunableDatabase, order: EraseOrder) -> dict[str, str]:
    """Carry out an erasure, or what is left of it, and return what stays and why.

    Raises StoreError or PlanRefused; then nothing was erased.
    """
    with database.writing(order.erasure.thread_id):
        remaining = _deleted(database, order.erasure)
    if order.trash is not None:
        _drop(order.trash, order.erasure)
    return remaining


def _deleted(database: PrunableDatabase, erasure: ThreadErasure) -> dict[str, str]:
    rows, exact, thread_id = database.rows(), database.exact(), erasure.thread_id
    skeleton = Skeleton.read(rows, thread_id)
    targets = {_key(erasure, target): target for target in erasure.targets}
    remaining = _unlike(rows, skeleton, targets)
    going = [key for key in targets if key in skeleton.parents and key not in remaining]
    kept = skeleton.parents.keys() - set(going)
    if erasure.whole:
        remaining |= {key: _SINCE for key in kept if key not in targets}
    if going and kept:
        needed = Needs(rows, thread_id, skeleton, subgraphs=False).of(kept)
        remaining |= {key: reason for key, reason in needed.items() if key in targets}
    gone = [key for key in going if key not in remaining]
    freed = {apart for values in exact.freed(thread_id, gone).values() for apart in values}
    take_out(exact, _with_children(skeleton, gone))
    exact.delete_values(thread_id, freed)
    if erasure.whole:
        exact.delete_orphans(thread_id)
    return {key.checkpoint_id: reason for key, reason in remaining.items()}


def _key(erasure: ThreadErasure, target: RestoreTarget) -> Key:
    return Key(erasure.thread_id, target.namespace, target.checkpoint_id)


def _unlike(
    rows: PrunableRows, skeleton: Skeleton, targets: dict[Key, RestoreTarget]
) -> dict[Key, str]:
    """Return the targets that are not what the plan saw."""
    known = {key: target for key, target in targets.items() if key in skeleton.parents}
    return {
        key: CHANGED
        for key, target in known.items()
        if target.sha256 not in (None, sha256_of(required(rows, key)))
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
