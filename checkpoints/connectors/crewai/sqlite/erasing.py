"""Deleting checkpoints for good, in the file and in the trash, so that no byte of them is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from checkpoints.connectors.crewai.sqlite.exact import ExactRows
from checkpoints.connectors.crewai.sqlite.held import Held
from checkpoints.connectors.crewai.sqlite.pruning import CHANGED
from checkpoints.connectors.crewai.sqlite.rows import Rows
from checkpoints.connectors.crewai.sqlite.writing import writing
from checkpoints.connectors.sqlite_files import space
from checkpoints.plans import ThreadErased, ThreadErasure
from checkpoints.stores.operable import Trash

_SINCE = "it was saved since the plan was made"
_BYTES_LEFT = (
    "its row is deleted, but its bytes may still lie in the file, which another process holds; "
    "erase again when it has let go"
)
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseOrder:
    """An erasure to be carried out."""

    erasure: ThreadErasure
    now: datetime
    trash: Trash | None


def erase(path: Path, order: EraseOrder, like: Rows) -> ThreadErased:
    """Carry out an erasure, or what is left of it.

    Raises StoreError or PlanRefused; then nothing was erased.
    """
    erasure = order.erasure
    with writing(path, like, undone="nothing was erased") as rows:
        remaining = _deleted(rows, erasure)
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


def _deleted(rows: Rows, erasure: ThreadErasure) -> dict[str, str]:
    """Delete what may go and return what stays, and why."""
    exact, remaining = ExactRows(rows.database), dict[str, str]()
    for target in erasure.targets:
        row = rows.find(target.checkpoint_id)
        if row is None or row.stored.branch != erasure.thread_id:
            continue
        found = exact.find(row.id)
        if found is None or row.stored.sha256 != target.sha256:
            remaining[row.id] = CHANGED
        else:
            exact.delete(found)
    if erasure.whole:
        left = (name for name, _, branch in rows.links() if branch == erasure.thread_id)
        remaining |= {name: _SINCE for name in left if name not in remaining}
    return remaining


def _drop(trash: Trash, erasure: ThreadErasure) -> None:
    """Delete from the trash what the erasure names; of a whole branch all that lies there."""
    names = {target.checkpoint_id for target in erasure.targets}
    for operation_id in trash.operations(erasure.thread_id):
        held = Held.read(trash, operation_id, erasure.thread_id)
        keys = held.keys if erasure.whole else held.keys_of(names)
        trash.drop(operation_id, erasure.thread_id, keys)
