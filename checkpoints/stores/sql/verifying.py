"""Finding what is wrong with the rows of a store in SQL."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

from checkpoints.bodies.frames import is_intact as frame_is_intact
from checkpoints.errors import CheckpointError, CorruptCheckpoint
from checkpoints.records import Finding
from checkpoints.stores.framing import Framing
from checkpoints.stores.record_bytes import is_intact as record_is_intact
from checkpoints.stores.sql import marks, rows
from checkpoints.stores.sql.rows import Db, ThreadRow

_BATCH = 500


class Row(NamedTuple):
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
    for row in checked(db):
        if not row.trashed:
            listed[row.thread] = listed.get(row.thread, 0) + 1
            ids.add(row.id)
        if row.lost is not None:
            found.append(lost_finding(row, threads.get(row.thread)))
    found += _findings_of_threads(threads, listed, ids)
    found += [
        Finding(
            kind="dangling_pin",
            message="what it pinned is not listed any more; unpin it",
            checkpoint_id=name,
        )
        for name in sorted(marks.pinned(db) - ids)
    ]
    return found


def checked(db: Db) -> Iterator[Row]:
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
        yield Row(position, name, thread, base, trashed is not None, why)


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


def lost_finding(row: Row, thread: ThreadRow | None) -> Finding:
    """Return the finding for a row that cannot be read."""
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
        yield from findings_of_head(row, ids)
        if row.checkpoints != listed[key]:
            yield Finding(
                kind="wrong_count",
                message=f"it lists {row.checkpoints} checkpoints and has {listed[key]}; "
                "`holdfast rebuild` counts again",
                thread_id=row.thread_id,
            )


def findings_of_head(row: ThreadRow, ids: Container[str]) -> Iterator[Finding]:
    """Yield what is wrong with a thread's head, given the ids that are listed."""
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
