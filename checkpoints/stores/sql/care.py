"""Removing, verifying and mending the rows of a store in SQL."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from checkpoints.bodies.encryption import Keyring
from checkpoints.bodies.frames import is_intact as frame_is_intact
from checkpoints.bodies.rebasing import rebased
from checkpoints.errors import CheckpointError, CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Finding, Head, Removal
from checkpoints.stores.framing import Framing
from checkpoints.stores.ledger import missing, refuse_kept
from checkpoints.stores.record_bytes import is_intact as record_is_intact
from checkpoints.stores.record_bytes import microseconds, pack_head
from checkpoints.stores.sql import rows
from checkpoints.stores.sql.rows import Db, ThreadRow

_BATCH = 500


def trash(db: Db, reasons: Mapping[str, str], now: datetime) -> list[Removal]:
    """Move checkpoints into the trash. Raises PlanRefused, CheckpointNotFound before any is."""
    found = [(checkpoint_id, _listed(db, checkpoint_id)) for checkpoint_id in reasons]
    heads = {name for name, (_, thread) in found if _head_id(thread) == name}
    refuse_kept(reasons, heads | (rows.pinned(db) & reasons.keys()))
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


class _Row(NamedTuple):
    """What verifying needs of a row; ``lost`` says why it cannot be read, if so."""

    position: int
    id: str
    thread: int
    base: int | None
    trashed: bool
    lost: str | None


def verify(db: Db) -> list[Finding]:
    """Check every frame and record by its checksum, every chain, head, pin and count."""
    threads = {row.thread: row for row in rows.thread_rows(db)}
    found: list[Finding] = []
    listed: dict[int, int] = dict.fromkeys(threads, 0)
    ids: set[str] = set()
    for row in _checked(db):
        if not row.trashed:
            listed[row.thread] = listed.get(row.thread, 0) + 1
            ids.add(row.id)
        if row.lost is not None:
            found.append(_lost(row, threads.get(row.thread)))
    found += _findings_of_threads(threads, listed, ids)
    found += [
        Finding(
            kind="dangling_pin",
            message="what it pinned is not listed any more; unpin it",
            checkpoint_id=name,
        )
        for name in sorted(rows.pinned(db) - ids)
    ]
    return found


def _checked(db: Db) -> Iterator[_Row]:
    """Read every row in its order; a frame is lost with any that it stands on."""
    lost: dict[int, str] = {}
    seen: set[int] = set()
    for position, name, thread, base, trashed, record, frame in _everything(db):
        why = None
        if not frame_is_intact(frame):
            why, lost[position] = "its frame is damaged: the checksum does not hold", name
        elif base is not None and base not in seen:
            why, lost[position] = "a frame that it stands on is gone", name
        elif base in lost:
            why, lost[position] = f"it stands on the frame of {lost[base]}", lost[base]
        elif not record_is_intact(record, name):
            why = "its record is damaged: the checksum does not hold"
        seen.add(position)
        yield _Row(position, name, thread, base, trashed is not None, why)


def _everything(db: Db) -> Iterator[tuple[int, str, int, int | None, int | None, bytes, bytes]]:
    """Yield the rows of all checkpoints in their order, some hundred at a time."""
    sql = (
        "SELECT position, id, thread, base, trashed, record, frame FROM checkpoints "
        "WHERE position > ? ORDER BY position LIMIT ?"
    )
    after = -1
    while page := db.execute(sql, (after, _BATCH)).fetchall():
        if page[-1][0] <= after:
            return  # positions out of order: the database itself names that damage
        for position, name, thread, base, trashed, record, frame in page:
            yield (
                position,
                str(name),
                thread,
                base,
                trashed,
                rows.as_bytes(record),
                rows.as_bytes(frame),
            )
        after = page[-1][0]


def _lost(row: _Row, thread: ThreadRow | None) -> Finding:
    return Finding(
        kind="corrupt_checkpoint",
        message=f"{row.id}: {row.lost}",
        checkpoint_id=row.id,
        thread_id=thread.thread_id if thread else None,
    )


def _findings_of_threads(
    threads: Mapping[int, ThreadRow], listed: Mapping[int, int], ids: Container[str]
) -> Iterator[Finding]:
    for key in listed.keys() - threads.keys():
        yield Finding(
            kind="lost_thread",
            message=f"{listed[key]} checkpoints belong to a thread that is not listed; "
            "`holdfast rebuild` lists it again",
        )
    for key, row in threads.items():
        yield from _findings_of_head(row, ids)
        if row.checkpoints != listed[key]:
            yield Finding(
                kind="wrong_count",
                message=f"it lists {row.checkpoints} checkpoints and has {listed[key]}; "
                "`holdfast rebuild` counts again",
                thread_id=row.thread_id,
            )


def _findings_of_head(row: ThreadRow, ids: Container[str]) -> Iterator[Finding]:
    try:
        head = row.unpacked()
    except CorruptCheckpoint as error:
        yield Finding(kind="damaged_head", message=str(error), thread_id=row.thread_id)
        return
    if head is not None and head.checkpoint_id not in ids:
        yield Finding(
            kind="dangling_head",
            message="the head's checkpoint is not listed any more; restore another one",
            checkpoint_id=head.checkpoint_id,
            thread_id=row.thread_id,
        )


def undecodable(db: Db, framing: Framing, known: Container[str | None]) -> list[Finding]:
    """Decode every state and compare its digest, leaving out those that are known to be lost."""
    found = []
    names = [row[0] for row in db.execute("SELECT id FROM checkpoints ORDER BY position")]
    for name in names:
        record = None if name in known else rows.find(db, name)
        if record is None:
            continue
        try:
            framing.require_digest(record, rows.chain(db, name))
        except CheckpointError as error:
            found.append(
                Finding(
                    kind="corrupt_checkpoint"
                    if isinstance(error, CorruptCheckpoint)
                    else "unopened",
                    message=str(error),
                    checkpoint_id=name,
                    thread_id=record.thread_id,
                )
            )
    return found


def quarantine(db: Db, now: datetime) -> list[Finding]:
    """Move each row that cannot be read into quarantine and tell of it."""
    moved = []
    threads = {row.thread: row for row in rows.thread_rows(db)}
    for row in [row for row in _checked(db) if row.lost is not None]:
        _move_away(db, row, now)
        finding = _lost(row, threads.get(row.thread))
        moved.append(
            Finding(
                kind="quarantined",
                message=f"{finding.message}; its bytes are kept in quarantine",
                checkpoint_id=finding.checkpoint_id,
                thread_id=finding.thread_id,
            )
        )
    gone = {finding.checkpoint_id for finding in moved}
    heads = (finding for row in threads.values() for finding in _findings_of_head(row, ()))
    return [*moved, *(finding for finding in heads if finding.checkpoint_id in gone)]


def _move_away(db: Db, row: _Row, now: datetime) -> None:
    position = rows.next_position(db)  # before the row that may hold the last one goes
    db.execute(
        "INSERT INTO quarantine (position, id, thread, base, record, frame, reason, at) "
        "SELECT position, id, thread, base, record, frame, ?, ? FROM checkpoints "
        "WHERE position = ?",
        (row.lost, microseconds(now), row.position),
    )
    db.execute("DELETE FROM checkpoints WHERE position = ?", (row.position,))
    if not row.trashed:
        rows.count(db, row.thread, -1)
    rows.add_event(
        db,
        "quarantined",
        position=position,
        thread=row.thread,
        at=now,
        checkpoint_id=row.id,
        reason=row.lost,
    )


def rebuild(db: Db, now: datetime) -> int:
    """List threads that were lost, count anew, and give a head to those whose own is damaged."""
    _list_lost_threads(db, now)
    db.execute(
        "UPDATE threads SET checkpoints = (SELECT count(*) FROM checkpoints c "
        "WHERE c.thread = threads.thread AND c.trashed IS NULL)"
    )
    for row in rows.thread_rows(db):
        _mend_head(db, row, now)
    return int(db.execute("SELECT count(*) FROM checkpoints WHERE trashed IS NULL").fetchone()[0])


def _list_lost_threads(db: Db, now: datetime) -> None:
    sql = (
        "SELECT thread, max(position) FROM checkpoints WHERE trashed IS NULL AND thread NOT IN "
        "(SELECT thread FROM threads) GROUP BY thread"
    )
    for thread, position in db.execute(sql).fetchall():
        head = _head_at(db, position, now, version=1)
        listed = rows.thread_row(db, head.agent_id, head.thread_id) if head else None
        if listed is not None:
            sql = "UPDATE checkpoints SET thread = ? WHERE thread = ?"
            db.execute(sql, (listed.thread, thread))
        elif head is not None:
            values = (thread, head.agent_id, head.thread_id, position, pack_head(head))
            db.execute(
                "INSERT INTO threads (thread, agent_id, thread_id, position, checkpoints, head) "
                "VALUES (?, ?, ?, ?, 0, ?)",
                values,
            )


def _mend_head(db: Db, row: ThreadRow, now: datetime) -> None:
    """Make the newest checkpoint the head of a thread whose own cannot be read."""
    if row.readable_head is not None:
        return
    sql = "SELECT max(position), count(*) FROM checkpoints WHERE trashed IS NULL AND thread = ?"
    position, count = db.execute(sql, (row.thread,)).fetchone()
    head = None if position is None else _head_at(db, position, now, version=count)
    if head is None:
        return
    db.execute(
        "UPDATE threads SET agent_id = ?, thread_id = ? WHERE thread = ?",
        (head.agent_id, head.thread_id, row.thread),
    )
    at = rows.next_position(db)
    rows.move_head(db, row.thread, head, at)
    rows.add_event(db, "head_moved", position=at, thread=row.thread, at=now)


def _head_at(db: Db, position: int, now: datetime, *, version: int) -> Head | None:
    """Return a head at a checkpoint, as its own record names it."""
    (name,) = db.execute("SELECT id FROM checkpoints WHERE position = ?", (position,)).fetchone()
    record = rows.find(db, name)
    if record is None or record.damage:
        return None
    return Head(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        version=version,
        moved_at=now,
        reason="remade by rebuild",
    )


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
