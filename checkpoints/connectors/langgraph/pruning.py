"""Moving checkpoints of a thread out of the file and into the trash.

They lie in the trash before they leave the file, and are deleted only as they lie there: whatever
ends this in between, each is in the file or in the trash or in both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import bodies, deltas
from checkpoints.connectors.langgraph.records import sha256_of
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph.threads import QUIET_AFTER
from checkpoints.connectors.langgraph_sqlite import schema, space
from checkpoints.connectors.langgraph_sqlite.database import Database
from checkpoints.connectors.langgraph_sqlite.exact import ExactRows
from checkpoints.connectors.langgraph_sqlite.leaving import UNDONE, GoneMeanwhile, Held, leaving
from checkpoints.connectors.langgraph_sqlite.needs import Needs
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.langgraph_sqlite.skeleton import Skeleton
from checkpoints.errors import CorruptCheckpoint, PlanRefused, TransientStoreError
from checkpoints.plans import Doomed, ThreadPrune, ThreadPruned
from checkpoints.stores.entry_bytes import MAX_DATA
from checkpoints.stores.operable import Trash, TrashItem

CHANGED: Final = "its content is not what the plan saw"
GONE: Final = "it is not in the store any more"
_TOO_LARGE: Final = "it is larger than what the trash takes"
_LARGEST = MAX_DATA - 1024 * 1024
_BATCH = 16 * 1024 * 1024
_ATTEMPTS = 4
_NEWEST = "thread_id = ? ORDER BY checkpoint_id DESC"


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


def remove(path: Path, order: PruneOrder) -> ThreadPruned:
    """Carry out a prune, or what is left of it.

    Raises StoreError, PlanRefused or CorruptCheckpoint; then nothing was moved.
    """
    before = space.taken(path)
    database = Database(path, writable=True)
    try:
        choice = _moved(database, order)
    finally:
        database.close()
    removed = {*choice.gone, *(key.checkpoint_id for key in choice.going)}
    if removed:
        space.give_back(path)
    return ThreadPruned(
        removed=tuple(d.checkpoint_id for d in order.prune.remove if d.checkpoint_id in removed),
        stayed=choice.stayed,
        freed_bytes=max(0, before - space.taken(path)),
    )


def why_not_now(rows: Rows, thread_id: str, now: datetime) -> str | None:
    """Say why nothing may go out of a thread yet: a run wrote to it minutes ago."""
    for key, metadata in rows.metadata(_NEWEST, (thread_id,)):
        if marks.OPERATION.encode() not in metadata:
            saved_at = bodies.time_of_id(key.checkpoint_id) or _written_at(rows, key)
            if now - saved_at < QUIET_AFTER:
                return "the thread wrote minutes ago: a run may still be going on; try again later"
            return None
    return None


def _written_at(rows: Rows, key: Key) -> datetime:
    try:
        written_at = bodies.decode_body(rows.required(key)).written_at
    except CorruptCheckpoint:
        return bodies.UNKNOWN_TIME
    return written_at or bodies.UNKNOWN_TIME


def _moved(database: Database, order: PruneOrder) -> _Choice:
    for _ in range(_ATTEMPTS):
        held = _held(order)
        with database.snapshot():
            choice = _choose(_rows(database), order, held)
        if not choice.going:
            return choice
        try:
            kept = _kept(database, choice, order)
        except GoneMeanwhile:
            continue
        with database.writing():
            if _deleted(database, choice, kept, order):
                return choice
    raise TransientStoreError(
        f"a run keeps on changing the thread {order.prune.thread_id!r}; nothing was moved, "
        "try again"
    )


def _held(order: PruneOrder) -> Held:
    return Held.read(order.trash, order.operation_id, order.prune.thread_id)


def _rows(database: Database) -> Rows:
    """Return the rows of a file that may be written to. Raises PlanRefused where it must not."""
    found = schema.inspect(database)
    if found.no_restore:
        raise PlanRefused(f"{found.no_restore}; nothing was moved")
    return Rows(database, has_task_path=found.has_task_path)


def _choose(rows: Rows, order: PruneOrder, held: Held, compared: Collection[Key] = ()) -> _Choice:
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


def _unlike(rows: Rows, key: Key, doomed: Doomed) -> dict[str, str]:
    row = rows.checkpoint(key)
    if row is None or (doomed.sha256 not in (None, sha256_of(row))):
        return {doomed.checkpoint_id: CHANGED}
    size = row.size + len(row.metadata or b"") + sum(write.size for write in rows.writes(key))
    return {doomed.checkpoint_id: _TOO_LARGE} if size > _LARGEST else {}


def _protected(
    rows: Rows, skeleton: Skeleton, going: Collection[Key], order: PruneOrder
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


def _kept(database: Database, choice: _Choice, order: PruneOrder) -> dict[Key, str]:
    """Put what leaves into the trash, some at a time; return the keys of its items."""
    exact = ExactRows(database)
    kept: dict[Key, str] = {}
    batch: list[TrashItem] = []
    size = 0
    for key, children in choice.going.items():
        one = leaving(exact, key, children)
        batch.append(one.item())
        kept[key] = batch[-1].key
        size += one.size
        if size > _BATCH:
            _keep(order, batch)
            batch, size = [], 0
    _keep(order, batch)
    return kept


def _keep(order: PruneOrder, items: list[TrashItem]) -> None:
    order.trash.keep(order.operation_id, order.prune.thread_id, items)


def _deleted(
    database: Database, choice: _Choice, kept: Mapping[Key, str], order: PruneOrder
) -> bool:
    """Delete what lies in the trash as it is here; nothing when anything changed meanwhile."""
    rows, exact, held = _rows(database), ExactRows(database), _held(order)
    if _choose(rows, order, held, choice.going) != choice or not held.keys >= set(kept.values()):
        return False
    for key, children in choice.going.items():
        if leaving(exact, key, children).item().key != kept[key]:
            return False
    heads = _heads(rows, order.prune.thread_id, choice.going)
    before = {key: fingerprint(rows, key) for key in heads}
    take_out(exact, choice.going)
    if {key: fingerprint(rows, key) for key in heads} != before:
        raise CorruptCheckpoint("a head would not read back as before; nothing was moved")
    return True


def _heads(rows: Rows, thread_id: str, going: Collection[Key]) -> list[Key]:
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


def fingerprint(rows: Rows, key: Key) -> str:
    """Return a digest of all that a run which goes on from a checkpoint begins with."""
    row = rows.required(key)
    content = (sha256_of(row), row.metadata, _written(rows, key), _spread(rows, key))
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _spread(rows: Rows, key: Key) -> str:
    """Return what lies in earlier checkpoints: delta channels, and what was sent to next steps."""
    row = rows.required(key)
    try:
        body = bodies.decode_body(row)
        values = deltas.delta_values(rows, row, body.values)
    except CorruptCheckpoint as error:
        return str(error)
    parent = Key(key.thread_id, key.namespace, row.parent_id or "")
    sent = _written(rows, parent, bodies.SENDS) if body.version < bodies.SENDS_INSIDE else ()
    return repr((values, sent))


def _written(rows: Rows, key: Key, channel: str | None = None) -> list[tuple[object, ...]]:
    return [
        (write.task_id, write.index, write.channel, write.type, rows.write_value(write))
        for write in rows.writes(key)
        if channel in (None, write.channel)
    ]
