"""Moving rows of a branch out of the file and into the trash, and back.

They lie in the trash before they leave the file, and are deleted only as they lie there: whatever
ends this in between, each is in the file or in the trash or in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from checkpoints.connectors.crewai.lineages import branch_points
from checkpoints.connectors.crewai.sqlite.exact import ExactRow, ExactRows
from checkpoints.connectors.crewai.sqlite.held import UNDONE, Held, mark_undone
from checkpoints.connectors.crewai.sqlite.rows import Rows
from checkpoints.connectors.crewai.sqlite.writing import writing
from checkpoints.connectors.sqlite_files import space
from checkpoints.errors import TransientStoreError
from checkpoints.plans import ThreadPrune, ThreadPruned
from checkpoints.stores.entry_bytes import MAX_DATA
from checkpoints.stores.operable import Trash

CHANGED: Final = "its content is not what the plan saw"
GONE: Final = "it is not in the store any more"
_TOO_LARGE: Final = "it is larger than what the trash takes"
_OTHER: Final = "a checkpoint with this id and another content is there"
_NOT_HERE: Final = "it does not lie in the trash of this operation"
_LARGEST = MAX_DATA - 1024 * 1024
_BATCH = 16 * 1024 * 1024
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOrder:
    """A prune to be carried out."""

    prune: ThreadPrune
    operation_id: str
    trash: Trash


@dataclass(slots=True)
class _Choice:
    going: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    stayed: dict[str, str] = field(default_factory=dict)


def exempt(rows: Rows, branch: str) -> dict[str, str]:
    """Return which of a branch's checkpoints must stay, and why."""
    found = branch_points(rows.links(), branch)
    head = rows.head(branch)
    if head is not None:
        found[head.id] = "the newest of its branch, which CrewAI resumes from"
    return found


def remove(path: Path, order: PruneOrder, like: Rows) -> ThreadPruned:
    """Carry out a prune, or what is left of it.

    Raises StoreError, PlanRefused or CorruptCheckpoint; then nothing was moved.
    """
    before = space.taken(path)
    choice = _moved(path, order, like)
    removed = {*choice.gone, *choice.going}
    if removed:
        space.give_back(path)
    return ThreadPruned(
        removed=tuple(d.checkpoint_id for d in order.prune.remove if d.checkpoint_id in removed),
        stayed=choice.stayed,
        freed_bytes=max(0, before - space.taken(path)),
    )


def _moved(path: Path, order: PruneOrder, like: Rows) -> _Choice:
    kept: dict[str, str] = {}
    for _ in range(_ATTEMPTS):
        with writing(path, like, undone="nothing was moved") as rows:
            choice, exact = _choose(rows, order), ExactRows(rows.database)
            leaving = [row for name in choice.going if (row := exact.find(name))]
            if all(kept.get(row.id) == row.item().key for row in leaving):
                for row in leaving:
                    exact.delete(row)
                return choice
        kept |= _kept(leaving, order)
    raise TransientStoreError(
        f"a run keeps on changing the branch {order.prune.thread_id!r}; nothing was moved, try "
        "again"
    )


def _kept(leaving: Sequence[ExactRow], order: PruneOrder) -> dict[str, str]:
    """Put rows into the trash, some at a time; return the keys of their items."""
    keys: dict[str, str] = {}
    batch, size = [], 0
    for row in leaving:
        batch.append(row.item())
        keys[row.id] = batch[-1].key
        size += row.size
        if size > _BATCH:
            order.trash.keep(order.operation_id, order.prune.thread_id, batch)
            batch, size = [], 0
    order.trash.keep(order.operation_id, order.prune.thread_id, batch)
    return keys


def _choose(rows: Rows, order: PruneOrder) -> _Choice:
    branch = order.prune.thread_id
    held = Held.read(order.trash, order.operation_id, branch)
    protected, lying = exempt(rows, branch), held.rows().keys()
    choice = _Choice()
    for doomed in order.prune.remove:
        name = doomed.checkpoint_id
        row = rows.find(name)
        here = row is not None and row.stored.branch == branch
        if name in held.undone:
            choice.stayed[name] = UNDONE
        elif not here or row is None:
            if name in lying:
                choice.gone.append(name)
            else:
                choice.stayed[name] = GONE
        elif row.stored.sha256 is None or row.stored.sha256 != doomed.sha256:
            choice.stayed[name] = CHANGED
        elif row.stored.size > _LARGEST:
            choice.stayed[name] = _TOO_LARGE
        elif name in protected:
            choice.stayed[name] = protected[name]
        else:
            choice.going.append(name)
    return choice


def trashed(rows: Rows, held: Held) -> dict[str, str | None]:
    """Return what lies in the trash and not in the file, with the digests."""
    there = {name for name, _, _ in rows.links()}
    return {name: row.sha256 for name, row in held.rows().items() if name not in there}


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Rows that are to come back out of one operation's trash."""

    branch: str
    operation_id: str
    trash: Trash

    def carry_out(self, path: Path, ids: Sequence[str], like: Rows) -> dict[str, str]:
        """Insert rows as they were and return which cannot be, and why.

        First it is noted that the operation is undone for them: it never takes them again.
        """
        wanted = frozenset(ids)
        mark_undone(self.trash, self.operation_id, self.branch, wanted)
        held = Held.read(self.trash, self.operation_id, self.branch)
        lying = {name: row for name, row in held.rows().items() if name in wanted}
        with writing(path, like, undone="nothing was brought back") as rows:
            refused = _inserted(ExactRows(rows.database), lying)
            there = {name for name, _, of in rows.links() if of == self.branch}
            refused |= dict.fromkeys(wanted - lying.keys() - there, _NOT_HERE)
        self.trash.drop(self.operation_id, self.branch, held.keys_of(wanted - refused.keys()))
        return refused


def _inserted(exact: ExactRows, lying: Mapping[str, ExactRow]) -> dict[str, str]:
    """Insert rows, the newest first: each stood before another that is there by then."""
    refused: dict[str, str] = {}
    for row in sorted(lying.values(), key=lambda row: row.number, reverse=True):
        there = exact.find(row.id)
        if there is None:
            exact.insert(row)
        elif not there.same_as(row):
            refused[row.id] = _OTHER
    return refused


def purge(trash: Trash, operation_id: str, branch: str, ids: Sequence[str]) -> int:
    """Delete what lies in the trash for good; return the bytes of the rows."""
    held = Held.read(trash, operation_id, branch)
    size = sum(row.size for name, row in held.rows().items() if name in ids)
    trash.drop(operation_id, branch, held.keys_of(ids))
    return size
