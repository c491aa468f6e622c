"""Reading everything in a Redis store, and saying what is wrong."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

from checkpoints.bodies.frames import is_intact as frame_is_intact
from checkpoints.errors import CheckpointError, CorruptCheckpoint
from checkpoints.records import Finding
from checkpoints.stores.framing import Framing
from checkpoints.stores.record_bytes import is_intact as record_is_intact
from checkpoints.stores.redis import queries, rows
from checkpoints.stores.redis.removing import PAGE, batches, chain
from checkpoints.stores.redis.rows import Row, ThreadRow
from checkpoints.stores.redis.server import RedisServer


class Checked(NamedTuple):
    """What verifying needs of a row; ``lost`` says why it cannot be read, if so."""

    position: int
    thread: int | None
    id: str
    frame: bytes
    trashed: bool
    listed: bool
    named: bool
    lost: str | None


def verify(server: RedisServer) -> Iterator[Finding]:
    """Check every frame and record by its checksum, every chain, name, head, pin and count."""
    ids: set[str] = set()
    threads: set[int] = set()
    known = all_threads(server)
    for row in checked(server):
        if row.thread is not None:
            threads.add(row.thread)
        if not row.trashed:
            ids.add(row.id)
        if row.lost is not None:
            yield lost_finding(row, known.get(row.thread or 0))
        if not (row.listed and row.named) and row.thread is not None:
            yield Finding(
                kind="lost_listing",
                message=f"{row.id} is not found by its name or not listed in its thread; "
                "`holdfast rebuild` lists it again",
                checkpoint_id=row.id,
            )
    yield from _findings_of_threads(server, threads, ids)
    for name in sorted(rows.text(name) for name in server.all_of("pins")):
        if name not in ids and not _is_listed(server, name):
            yield Finding(
                kind="dangling_pin",
                message="what it pinned is not listed any more; unpin it",
                checkpoint_id=name,
            )


def all_threads(server: RedisServer) -> dict[int, ThreadRow]:
    """Return every thread by its number."""
    found: dict[int, ThreadRow] = {}
    found_numbers = (n for name in ("lines", "heads") for n, _ in server.scan(name))
    numbers = sorted({int(n) for n in found_numbers if n.isdigit()})
    for batch in batches(numbers, PAGE):
        for thread in map(rows.thread_of, server.read(queries.NUMBERED, *batch)):
            if thread is not None:
                found[thread.thread] = thread
    return found


def positions(server: RedisServer) -> list[int]:
    """Return every position at which anything of a checkpoint lies."""
    names = ("places", "records")
    found = {field for name in names for field, _ in server.scan(name)}
    return sorted(int(field) for field in found if field.isdigit())


def checked(server: RedisServer) -> Iterator[Checked]:
    """Read every checkpoint in its order; a frame is lost with any that it stands on."""
    lost: dict[int, str] = {}
    seen: set[int] = set()
    for batch in batches(positions(server)):
        for reply in server.read(queries.CHECKED, *batch):
            position, frame = int(reply[0]), bytes(reply[8] or b"")
            if reply[1] is None and reply[7] is None and not frame:
                continue
            name = rows.text(reply[2]) if reply[2] is not None else f"position {position}"
            why = _damage(reply, name, frame, lost, seen)
            seen.add(position)
            yield Checked(
                position,
                int(reply[1]) if reply[1] is not None else None,
                name,
                frame,
                reply[4] is not None,
                bool(reply[5]),
                bool(reply[6]),
                why,
            )


def _damage(
    reply: Sequence[Any], name: str, frame: bytes, lost: dict[int, str], seen: Container[int]
) -> str | None:
    """Say why a checkpoint cannot be read, and remember it for those that stand on it."""
    position, base = int(reply[0]), int(reply[3]) if reply[3] is not None else None
    why = None
    if reply[1] is None:
        why = "the place of its name is lost"
    if not frame_is_intact(frame):
        why = "its frame is damaged: the checksum does not hold" if frame else "its frame is gone"
        lost[position] = name
    elif base is not None and base not in seen:
        why, lost[position] = "a frame that it stands on is gone", name
    elif base in lost:
        why, lost[position] = f"it stands on the frame of {lost[base]}", lost[base]
    elif why is None and not record_is_intact(bytes(reply[7] or b""), name):
        why = "its record is damaged: the checksum does not hold"
    return why


def lost_finding(row: Checked, thread: ThreadRow | None) -> Finding:
    """Return the finding for a checkpoint that cannot be read."""
    return Finding(
        kind="corrupt_checkpoint",
        message=f"{row.id}: {row.lost}",
        checkpoint_id=row.id,
        thread_id=thread.thread_id if thread else None,
    )


def _findings_of_threads(
    server: RedisServer, threads: set[int], ids: Container[str]
) -> Iterator[Finding]:
    found = all_threads(server)
    for number in sorted(threads | found.keys()):
        thread = found.get(number)
        if thread is None or thread.name is None or thread.more[1] is None:
            yield Finding(
                kind="lost_thread",
                message=f"thread {number} of this store is not listed; "
                "`holdfast rebuild` lists it again",
                thread_id=thread.thread_id if thread else None,
            )
            continue
        yield from _findings_of_head(server, thread, ids)
        if thread.checkpoints != thread.more[0]:
            yield Finding(
                kind="wrong_count",
                message=f"it lists {thread.checkpoints} checkpoints and has {thread.more[0]}; "
                "`holdfast rebuild` counts again",
                thread_id=thread.thread_id,
            )


def _findings_of_head(
    server: RedisServer, thread: ThreadRow, ids: Container[str]
) -> Iterator[Finding]:
    try:
        head = thread.unpacked()
    except CorruptCheckpoint as error:
        yield Finding(kind="damaged_head", message=str(error), thread_id=thread.thread_id)
        return
    if (
        head is not None
        and head.checkpoint_id not in ids
        and not _is_listed(server, head.checkpoint_id)
    ):
        yield Finding(
            kind="dangling_head",
            message="the head's checkpoint is not listed any more; restore another one",
            checkpoint_id=head.checkpoint_id,
            thread_id=thread.thread_id,
        )


def _is_listed(server: RedisServer, name: str) -> bool:
    """Look again at what was not there when everything was read: it may have come since."""
    found = rows.rows_of(server.read(queries.FOUND, rows.encoded(name)))
    return bool(found) and not found[0].trashed


def undecodable(
    server: RedisServer, framing: Framing, known: Container[str | None]
) -> Iterator[Finding]:
    """Decode every state and compare its digest, leaving out those that are known to be lost."""
    for row in _rows(server):
        if row.id in known or row.trashed:
            continue
        try:
            framing.require_digest(row.record, chain(server, "at", row.position))
        except CheckpointError as error:
            yield Finding(
                kind="corrupt_checkpoint",
                message=str(error),
                checkpoint_id=row.id,
                thread_id=row.record.thread_id,
            )


def _rows(server: RedisServer) -> Iterator[Row]:
    """Yield the row of every checkpoint that is found by its name, in their order."""
    for batch in batches(positions(server), PAGE):
        names = [reply[2] for reply in server.read(queries.PLACED, *batch)]
        yield from rows.rows_of(
            server.read(queries.FOUND, *(name for name in names if name is not None))
        )
