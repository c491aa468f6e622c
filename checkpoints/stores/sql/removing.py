"""Removing checkpoints from a store in SQL: into the trash, out of it, and for good."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from checkpoints.bodies.encryption import Keyring
from checkpoints.bodies.rebasing import rebased
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Removal
from checkpoints.stores.ledger import missing, refuse_kept
from checkpoints.stores.record_bytes import microseconds
from checkpoints.stores.sql import marks, rows
from checkpoints.stores.sql.rows import Db, ThreadRow


def trash(db: Db, reasons: Mapping[str, str], now: datetime) -> list[Removal]:
    """Move checkpoints into the trash. Raises PlanRefused, CheckpointNotFound before any is."""
    found = [(checkpoint_id, _listed(db, checkpoint_id)) for checkpoint_id in reasons]
    heads = {name for name, (_, thread) in found if _head_id(thread) == name}
    refuse_kept(reasons, heads | (marks.pinned(db) & reasons.keys()))
    removals = []
    for name, (at, thread) in found:
        position = rows.next_position(db)
        rows.set_trashed(db, at, thread.thread, position)
        rows.add_event(
            db,
            "trashed",
            position=position,
            thread=thread.thread,
            at=now,
            checkpoint_id=name,
            reason=reasons[name],
        )
        removals.append(
            Removal(
                agent_id=thread.agent_id,
                thread_id=thread.thread_id,
                checkpoint_id=name,
                reason=reasons[name],
                removed_at=now,
            )
        )
    return removals


def untrash(db: Db, checkpoint_id: str) -> int:
    """Bring one checkpoint back to its old place; return 1 if it was in the trash."""
    place = rows.place(db, checkpoint_id)
    if place is None or place[2] is None:
        return 0
    at, thread, trashed = place
    rows.set_trashed(db, at, thread, None)
    sql = "SELECT at FROM events WHERE position = ?"
    removed_at = db.execute(sql, (trashed,)).fetchone()
    db.execute(
        "INSERT INTO events (position, name, thread, checkpoint_id, at) "
        "VALUES (?, 'untrashed', ?, ?, ?)",
        (rows.next_position(db), thread, checkpoint_id, removed_at[0] if removed_at else 0),
    )
    return 1


def sweep(db: Db, before: datetime, keys: Keyring | None) -> int:
    """Delete what went to the trash before a time, writing anew what stands on it."""
    return delete(db, due(db, before), keys)


class Due(NamedTuple):
    """What lies in the trash for long enough."""

    position: int
    size: int
    thread: int


def due(db: Db, before: datetime, thread: int | None = None) -> list[Due]:
    """Return what went to the trash before a time and is still there, of one thread or of all."""
    of_it, values = ("", ()) if thread is None else (" AND c.thread = ?", (thread,))
    found = db.execute(
        "SELECT c.position, length(c.frame), c.thread FROM events e JOIN checkpoints c "
        f"ON c.trashed = e.position WHERE e.name = 'trashed' AND e.at < ?{of_it} "
        "ORDER BY c.position",
        (microseconds(before), *values),
    )
    return [Due(*row) for row in found]


def delete(db: Db, old: Sequence[Due], keys: Keyring | None) -> int:
    """Delete rows, writing anew what stands on them; return the bytes freed."""
    going = {row.position for row in old}
    grown = sum(_rebase(db, position, going, keys) for position in _survivors(db, going))
    for position in going:
        db.execute("DELETE FROM checkpoints WHERE position = ?", (position,))
    return max(0, sum(row.size for row in old) - grown)


def _survivors(db: Db, going: set[int]) -> list[int]:
    """Return the positions of what stands directly on something that goes, and stays itself."""
    found: set[int] = set()
    for position in going:
        for (child,) in db.execute("SELECT position FROM checkpoints WHERE base = ?", (position,)):
            found.add(int(child))
    return sorted(found - going)


def _rebase(db: Db, position: int, going: Container[int], keys: Keyring | None) -> int:
    """Write a frame against what stays; return how many bytes it grew.

    One that cannot be read is left as it is: it was lost before. Raises PermanentStoreError for
    one whose key is not here.
    """
    links = rows.chain_at(db, position)
    try:
        frame, base = rebased(links, going, keys)
    except CorruptCheckpoint:
        return 0
    db.execute(
        "UPDATE checkpoints SET base = ?, frame = ? WHERE position = ?", (base, frame, position)
    )
    return len(frame) - len(links[0].data)


def _listed(db: Db, checkpoint_id: str) -> tuple[int, ThreadRow]:
    """Return position and thread of a listed checkpoint. Raises CheckpointNotFound."""
    place = rows.place(db, checkpoint_id)
    thread = rows.thread_at(db, place[1]) if place and place[2] is None else None
    if place is None or thread is None:
        raise CheckpointNotFound(missing(checkpoint_id, None))
    return place[0], thread


def _head_id(thread: ThreadRow) -> str | None:
    head = thread.unpacked()
    return head.checkpoint_id if head else None
