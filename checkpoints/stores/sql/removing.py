"""Removing checkpoints from a store in SQL: into the trash, out of it, and for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from checkpoints.bodies.encryption import Keyring
from checkpoints.bodies.rebasing import rebased
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Checkpoint, Removal
from checkpoints.stores.ledger import missing, refuse_kept
from checkpoints.stores.record_bytes import microseconds
from checkpoints.stores.sql import marks, rows
from checkpoints.stores.sql.rows import Db, Placed, ThreadRow


def trash(db: Db, reasons: Mapping[str, str], now: datetime) -> list[Removal]:
    """Move checkpoints into the trash. Raises PlanRefused, CheckpointNotFound before any is."""
    found = _listed(db, list(reasons))
    threads = {key: _thread(db, key) for key in dict.fromkeys(row.thread for row in found)}
    heads = {head.checkpoint_id for one in threads.values() if (head := one.unpacked())}
    refuse_kept(reasons, heads | (marks.pinned(db) & reasons.keys()))
    positions = rows.next_positions(db, len(found))
    rows.add_removals(db, found, positions, reasons, now)
    for row, position in zip(found, positions, strict=True):
        rows.set_trashed(db, row.position, position)
    for key, gone in Counter(row.thread for row in found).items():
        rows.count(db, key, -gone)
    return [_removal(row.id, threads[row.thread], reasons[row.id], now) for row in found]


def untrash(db: Db, checkpoint_ids: Sequence[str]) -> int:
    """Bring checkpoints back to their old places; return how many were in the trash."""
    found = [row for row in rows.places(db, checkpoint_ids) if row.trashed is not None]
    positions = rows.next_positions(db, len(found))
    rows.add_returns(db, found, positions)
    for row in found:
        rows.set_trashed(db, row.position, None)
    for key, back in Counter(row.thread for row in found).items():
        rows.count(db, key, back)
    return len(found)


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


def lying(db: Db, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
    """Return the records of a thread that lie in the trash; of any agent's where none is named."""
    threads = _threads(db, agent_id, thread_id)
    return [rows.record_of(row) for thread in threads for row in rows.trashed(db, thread)]


def named(db: Db, agent_id: str | None, thread_id: str, ids: Sequence[str]) -> list[Due]:
    """Return what lies in the trash of a thread under some ids."""
    sql = (
        "SELECT position, length(frame), thread FROM checkpoints "
        "WHERE id = ? AND thread = ? AND trashed IS NOT NULL"
    )
    found = [
        Due(*row)
        for thread in _threads(db, agent_id, thread_id)
        for checkpoint_id in dict.fromkeys(ids)
        for row in db.execute(sql, (checkpoint_id, thread))
    ]
    return sorted(found)


def _threads(db: Db, agent_id: str | None, thread_id: str) -> list[int]:
    if agent_id is None:
        return [row.thread for row in rows.thread_rows_of(db, thread_id)]
    found = rows.thread_row(db, agent_id, thread_id)
    return [found.thread] if found else []


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


def _listed(db: Db, checkpoint_ids: Sequence[str]) -> list[Placed]:
    """Return where listed checkpoints are, in this order. Raises CheckpointNotFound."""
    found = {row.id: row for row in rows.places(db, checkpoint_ids) if row.trashed is None}
    for name in checkpoint_ids:
        if name not in found:
            raise CheckpointNotFound(missing(name, None))
    return [found[name] for name in checkpoint_ids]


def _thread(db: Db, key: int) -> ThreadRow:
    thread = rows.thread_at(db, key)
    if thread is None:
        raise CheckpointNotFound("the thread is gone; nothing was changed")
    return thread


def _removal(checkpoint_id: str, thread: ThreadRow, reason: str, now: datetime) -> Removal:
    return Removal(
        agent_id=thread.agent_id,
        thread_id=thread.thread_id,
        checkpoint_id=checkpoint_id,
        reason=reason,
        removed_at=now,
    )
