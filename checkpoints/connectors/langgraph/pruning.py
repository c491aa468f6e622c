"""Moving checkpoints of a thread out of the store and into the trash.

They lie in the trash before they leave the store, and are deleted only as they lie there: whatever
ends this in between, each is in the store or in the trash or in both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import bodies, deltas
from checkpoints.connectors.langgraph.exact import (
    Apart,
    ExactRows,
    PrunableDatabase,
    PrunableRows,
    required,
)
from checkpoints.connectors.langgraph.leaving import (
    UNDONE,
    GoneMeanwhile,
    Held,
    leaving,
    leaving_values,
)
from checkpoints.connectors.langgraph.needs import Needs
from checkpoints.connectors.langgraph.records import sha256_of
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph.skeleton import Skeleton
from checkpoints.connectors.langgraph.threads import QUIET_AFTER
from checkpoints.errors import CorruptCheckpoint, PlanRefused, TransientStoreError
from checkpoints.plans import Doomed, ThreadPrune
from checkpoints.stores.entry_bytes import MAX_DATA
from checkpoints.stores.operable import Trash, TrashItem

CHANGED: Final = "its content is not what the plan saw"
GONE: Final = "it is not in the store any more"
_TOO_LARGE: Final = "it is larger than what the trash takes"
_LARGEST = MAX_DATA - 1024 * 1024
_BATCH = 16 * 1024 * 1024
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOrder:
    """A prune to be carried out. ``now`` is the present time, by which a run may be alive."""

    prune: ThreadPrune
    operation_id: str
    now: datetime
    trash: Trash


class _Choice(NamedTuple):
    """What leaves with those that stay and follow it, what left before, and what stays and why."""

    going: dict[Key, list[Key]]
    gone: list[str]
    stayed: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What lies in the trash and no more in the store, and what stayed and why.

    ``size`` are the bytes of the rows that this attempt deleted.
    """

    removed: tuple[str, ...]
    stayed: dict[str, str]
    size: int


def remove(database: PrunableDatabase, order: PruneOrder) -> Pruned:
    """Carry out a prune, or what is left of it.

    Raises StoreError, PlanRefused or CorruptCheckpoint; then nothing was moved.
    """
    choice, size = _moved(database, order)
    removed = {*choice.gone, *(key.checkpoint_id for key in choice.going)}
    return Pruned(
        removed=tuple(d.checkpoint_id for d in order.prune.remove if d.checkpoint_id in removed),
        stayed=choice.stayed,
        size=size,
    )


def why_not_now(rows: PrunableRows, thread_id: str, now: datetime) -> str | None:
    """Say why nothing may go out of a thread yet: a run wrote to it minutes ago."""
    for key, metadata in rows.newest_metadata(thread_id):
        if marks.OPERATION.encode() not in metadata:
            saved_at = bodies.time_of_id(key.checkpoint_id) or _written_at(rows, key)
            if now - saved_at < QUIET_AFTER:
                return "the thread wrote minutes ago: a run may still be going on; try again later"
            return None
    return None


def _written_at(rows: PrunableRows, key: Key) -> datetime:
    try:
        written_at = bodies.decode_body(required(rows, key)).written_at
    except CorruptCheckpoint:
        return bodies.UNKNOWN_TIME
    return written_at or bodies.UNKNOWN_TIME


def _moved(database: PrunableDatabase, order: PruneOrder) -> tuple[_Choice, int]:
    thread_id = order.prune.thread_id
    for _ in range(_ATTEMPTS):
        held = _held(order)
        with database.snapshot():
            choice = _choose(database.rows(), order, held)
        if not choice.going:
            return choice, 0
        try:
            with database.piecewise():
                rows, exact = database.rows(), database.exact()
                departure = _Departure(rows, exact, choice, order.prune)
                kept = _kept(departure, order)
            with database.writing(thread_id):
                if _deleted(database, choice, kept, order):
                    return choice, departure.size
        except GoneMeanwhile:
            continue
        except _ReadsOtherwise as error:
            if _is_still_so(database, error.before):
                raise
    raise TransientStoreError(
        f"a run keeps on changing the thread {thread_id!r}; nothing was moved, try again"
    )


class _ReadsOtherwise(CorruptCheckpoint):
    """A head reads otherwise once others are gone; ``before`` is how heads read until then."""

    def __init__(self, before: Mapping[Key, str]) -> None:
        super().__init__("a head would not read back as before; nothing was moved")
        self.before = before


def _is_still_so(database: PrunableDatabase, before: Mapping[Key, str]) -> bool:
    """Say whether heads read as they did; where not, a run has written to them meanwhile."""
    with database.snapshot():
        rows = database.rows()
        return {key: fingerprint(rows, key) for key in before} == before


def _held(order: PruneOrder) -> Held:
    return Held.read(order.trash, order.operation_id, order.prune.thread_id)


def _choose(
    rows: PrunableRows, order: PruneOrder, held: Held, compared: Collection[Key] = ()
) -> _Choice:
    """Decide over what a plan dooms; what was ``compared`` with it already is not again."""
    thread_id, lying, undone = order.prune.thread_id, held.leaving().keys(), held.undone
    skeleton = Skeleton.read(rows, thread_id)
    choice = _Choice({}, [], {})
    going: list[Key] = []
    for doomed in order.prune.remove:
        key = Key(thread_id, doomed.namespace, doomed.checkpoint_id)
        if doomed.checkpoint_id in undone:
            choice.stayed[doomed.checkpoint_id] = UNDONE
        elif key in skeleton.parents:
            going.append(key)
            choice.stayed.update({} if key in compared else _unlike(rows, key, doomed))
        elif key in lying:
            choice.gone.append(doomed.checkpoint_id)
        else:
            choice.stayed[doomed.checkpoint_id] = GONE
    wanted = [key for key in going if key.checkpoint_id not in choice.stayed]
    protected = _protected(rows, skeleton, wanted, order) if wanted else {}
    for key in wanted:
        if key in protected:
            choice.stayed[key.checkpoint_id] = protected[key]
    left = {key: None for key in wanted if key not in protected}
    choice.going.update({key: _staying(skeleton, key, left) for key in left})
    return choice


def _unlike(rows: PrunableRows, key: Key, doomed: Doomed) -> dict[str, str]:
    row = rows.checkpoint(key)
    if row is None or (doomed.sha256 not in (None, sha256_of(row))):
        return {doomed.checkpoint_id: CHANGED}
    size = row.size + len(row.metadata or b"") + sum(write.size for write in rows.writes(key))
    return {doomed.checkpoint_id: _TOO_LARGE} if size > _LARGEST else {}


def _protected(
    rows: PrunableRows, skeleton: Skeleton, going: Collection[Key], order: PruneOrder
) -> dict[Key, str]:
    """Return what must stay now, whatever the plan says."""
    reason = why_not_now(rows, order.prune.thread_id, order.now)
    if reason:
        return dict.fromkeys(going, reason)
    kept = skeleton.parents.keys() - set(going)
    try:
        needed = Needs(rows, order.prune.thread_id, skeleton).of(kept)
    except (PlanRefused, CorruptCheckpoint) as error:
        return dict.fromkeys(going, str(error))
    return needed | skeleton.exempt()


def _staying(skeleton: Skeleton, key: Key, going: Collection[Key]) -> list[Key]:
    children = skeleton.children.get(key, [])
    return [child for child in children if child not in going]


class _Departure:
    """Reads what leaves: first the values kept apart, then the checkpoints that held them."""

    def __init__(
        self, rows: PrunableRows, exact: ExactRows, choice: _Choice, prune: ThreadPrune
    ) -> None:
        self.rows = rows
        self.exact = exact
        self.thread_id = prune.thread_id
        self.going = choice.going
        self.digests = {(d.namespace, d.checkpoint_id): d.sha256 for d in prune.remove}
        self.freed = exact.freed(prune.thread_id, choice.going)
        self.size = 0

    @property
    def values(self) -> list[Apart]:
        """The values that leave."""
        return sorted({apart for values in self.freed.values() for apart in values})

    def items(self) -> Iterator[tuple[TrashItem, int]]:
        """Yield what brings them back, each with its bytes. Raises GoneMeanwhile."""
        names: dict[Apart, str] = {}
        for value in leaving_values(self.exact, self.thread_id, self.values):
            item = value.item()
            names[value.apart] = item.key
            yield item, value.size
        for key, found in self.exact.of_many(self.going):
            one = leaving(
                self.rows,
                key,
                found,
                columns=self.exact.columns,
                sha256=self.digests[key.namespace, key.checkpoint_id],
                children=self.going[key],
                values=[names[apart] for apart in self.freed.get(key, ())],
            )
            yield one.item(), one.size


def _kept(departure: _Departure, order: PruneOrder) -> list[str]:
    """Put what leaves into the trash, some at a time; return the keys of its items."""
    kept: list[str] = []
    batch: list[TrashItem] = []
    waiting = 0
    for item, size in departure.items():
        batch.append(item)
        kept.append(item.key)
        departure.size += size
        waiting += size
        if waiting > _BATCH:
            _keep(order, batch)
            batch, waiting = [], 0
    _keep(order, batch)
    return kept


def _keep(order: PruneOrder, items: list[TrashItem]) -> None:
    order.trash.keep(order.operation_id, order.prune.thread_id, items)


def _deleted(
    database: PrunableDatabase, choice: _Choice, kept: list[str], order: PruneOrder
) -> bool:
    """Delete what lies in the trash as it is here; nothing when anything changed meanwhile."""
    rows, exact, held = database.rows(), database.exact(), _held(order)
    thread_id = order.prune.thread_id
    if _choose(rows, order, held, choice.going) != choice or not held.keys >= set(kept):
        return False
    departure = _Departure(rows, exact, choice, order.prune)
    try:
        if [item.key for item, _ in departure.items()] != kept:
            return False
    except GoneMeanwhile:
        return False
    heads = _heads(rows, thread_id, choice.going)
    before = {key: fingerprint(rows, key) for key in heads}
    take_out(exact, choice.going)
    exact.delete_values(thread_id, departure.values)
    anew = database.rows()
    if not choice.going.keys().isdisjoint(Skeleton.read(anew, thread_id).parents.values()):
        raise GoneMeanwhile("a run went on from what was about to leave; nothing was moved")
    if {key: fingerprint(anew, key) for key in heads} != before:
        raise _ReadsOtherwise(before)
    return True


def _heads(rows: PrunableRows, thread_id: str, going: Collection[Key]) -> list[Key]:
    heads = Skeleton.read(rows, thread_id).heads().values()
    return [head for head in heads if head not in going]


def take_out(exact: ExactRows, going: Mapping[Key, list[Key]]) -> None:
    """Delete checkpoints' rows; those that stay and follow them become first ones."""
    for key, children in going.items():
        whole = exact.delete(key)
        unlinked = [exact.unlink(child, key.checkpoint_id) for child in children]
        if not (whole and all(unlinked)):
            raise CorruptCheckpoint(
                f"{key.checkpoint_id} is not what was read; nothing was changed",
                checkpoint_id=key.checkpoint_id,
            )


def fingerprint(rows: PrunableRows, key: Key) -> str:
    """Return a digest of all that a run which goes on from a checkpoint begins with."""
    row = required(rows, key)
    content = (sha256_of(row), row.metadata, _written(rows, key), _spread(rows, key))
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _spread(rows: PrunableRows, key: Key) -> str:
    """Return what lies in earlier checkpoints: delta channels, and what was sent to next steps."""
    row = required(rows, key)
    try:
        body = bodies.decode_body(row)
        values = deltas.delta_values(rows, row, body.values)
    except CorruptCheckpoint as error:
        return str(error)
    parent = Key(key.thread_id, key.namespace, row.parent_id or "")
    sent = _written(rows, parent, bodies.SENDS) if body.version < bodies.SENDS_INSIDE else ()
    return repr((values, sent))


def _written(rows: PrunableRows, key: Key, channel: str | None = None) -> list[tuple[object, ...]]:
    return [
        (write.task_id, write.index, write.channel, write.type, rows.write_value(write))
        for write in rows.writes(key)
        if channel in (None, write.channel)
    ]
