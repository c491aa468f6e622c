"""Moving heads in a Redis store, and removing from it.

What a script cannot decide alone is read, decided here, and written by a script that does nothing
when something of what was read has changed meanwhile; such a function then returns None.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.bodies.chains import Link
from checkpoints.bodies.rebasing import rebased
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Head, Removal
from checkpoints.stores.framing import Framing
from checkpoints.stores.ledger import missing, refuse_kept
from checkpoints.stores.record_bytes import microseconds, pack_head
from checkpoints.stores.redis import queries, rows, scripts
from checkpoints.stores.redis.rows import FrameKey, Row, ThreadRow
from checkpoints.stores.redis.server import RedisServer

BATCH, PAGE = 64, 500
_LOST = b"lost"


def chain(server: RedisServer, by: str, key: bytes | int) -> list[Link]:
    """Return a chain of frames, newest first, by ``id`` or ``at`` a position."""
    return rows.links_of(server.read(queries.CHAIN, by, key))


def move(
    server: RedisServer,
    thread: ThreadRow,
    head: Head | None,
    *,
    at: datetime,
    operation_id: str | None = None,
) -> bool:
    """Move a head, or drop it, if it is still what ``thread`` says; say whether it was."""
    reply = server.write(
        scripts.MOVE,
        thread.thread,
        thread.head or b"",
        pack_head(head) if head else b"",
        rows.encoded(head.checkpoint_id if head else ""),
        microseconds(at),
        rows.encoded(operation_id or ""),
        int(head is not None),
    )
    return bool(reply[0] == b"moved")


def trash(
    server: RedisServer, reasons: Mapping[str, str], now: datetime, *, told_for: int | None = None
) -> list[Removal] | None:
    """Move checkpoints into the trash. Raises PlanRefused, CheckpointNotFound before any is.

    ``told_for`` is for how many seconds ``changes`` tells of it, None for ever.
    """
    found = [_listed(server, names) for names in batches(list(reasons))]
    listed = [row for batch in found for row in batch]
    threads = threads_of(server, listed)
    pinned = {rows.text(name) for name in server.all_of("pins")}
    heads = {head.checkpoint_id for one in threads.values() if (head := one.unpacked())}
    refuse_kept(reasons, (heads | pinned) & reasons.keys())
    values: list[Any] = []
    for row in listed:
        reason = reasons[row.id].encode("utf-8", "replace")
        before = threads[row.thread].head or b""
        values += [rows.encoded(row.id), row.position, row.thread, before, reason]
    reply = server.write(scripts.TRASH, microseconds(now), told_for or b"", *values)
    if reply[0] != b"trashed":
        return None
    return [_removal(row, threads[row.thread], reasons[row.id], now) for row in listed]


def _listed(server: RedisServer, names: Sequence[str]) -> list[Row]:
    """Return the rows of listed checkpoints. Raises CheckpointNotFound."""
    found = server.read(queries.FOUND, *map(rows.encoded, names))
    listed = []
    for name, reply in zip(names, found, strict=True):
        row = rows.row_of(reply)
        if row is None or row.trashed:
            raise CheckpointNotFound(missing(name, None))
        listed.append(row)
    return listed


def _removal(row: Row, thread: ThreadRow, reason: str, now: datetime) -> Removal:
    return Removal(
        agent_id=thread.agent_id,
        thread_id=thread.thread_id,
        checkpoint_id=row.id,
        reason=reason,
        removed_at=now,
    )


def threads_of(server: RedisServer, found: Iterable[Row]) -> dict[int, ThreadRow]:
    """Return the threads of some rows by their numbers."""
    numbers = list({row.thread for row in found})
    reply = server.read(queries.NUMBERED, *numbers) if numbers else []
    threads = [thread for thread in map(rows.thread_of, reply) if thread is not None]
    return {thread.thread: thread for thread in threads}


def removable(server: RedisServer, due: Sequence[int]) -> tuple[list[Row], list[int]]:
    """Sort positions into rows that may go and positions that stay: heads, pins, trash."""
    checked = server.read(queries.CHECKED, *due)
    names = [bytes(reply[2] or b"") for reply in checked]
    found = rows.rows_of(server.read(queries.FOUND, *names))
    threads = threads_of(server, found)
    kept = {rows.text(name) for name in server.all_of("pins")}
    for thread in threads.values():
        head = thread.readable_head
        kept |= {row.id for row in found if head is None and row.thread == thread.thread}
        kept |= {head.checkpoint_id} if head else set()
    going = [row for row in found if row.id not in kept and not row.trashed]
    gone = {row.position for row in going}
    return going, [position for position in due if position not in gone]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Whose checkpoints are deleted out of their turn; ``head`` is where that thread's must be."""

    thread: int
    head: bytes
    at: datetime

    def values(self) -> tuple[bytes | int, ...]:
        """Return it as the script wants it."""
        return microseconds(self.at), self.thread, self.head


def delete(
    server: RedisServer,
    going: Sequence[int],
    framing: Framing,
    *,
    erasure: Erasure | None = None,
) -> int | None:
    """Delete what lies in the trash, writing anew what stands on it; return the bytes freed.

    Newest first, so that what stands on something that goes, and goes too, is gone before it. An
    erasure takes what is listed too, with its pins.
    """
    everything, freed = set(going), 0
    told = erasure.values() if erasure else (b"", b"", b"")
    try:
        for batch in batches(sorted(going, reverse=True)):
            done = _delete(server, batch, everything, framing, told)
            if done is None:
                return None
            freed += done
    finally:
        framing.forget()
    return max(0, freed)


def _delete(
    server: RedisServer,
    batch: Sequence[int],
    going: Container[int],
    framing: Framing,
    told: tuple[bytes | int, ...],
) -> int | None:
    size = int(server.read(queries.SIZES, *batch))
    standing = server.read(queries.STANDING, *batch)
    values: list[Any] = []
    for child, base in zip(standing[::2], standing[1::2], strict=True):
        if int(child) in going:
            continue
        frame, against, grown = _rebased(server, int(child), going, framing)
        values += [child, base, against, frame]
        size -= grown
    reply = server.write(scripts.DELETE, len(batch), *told, *batch, *values)
    return size if reply[0] == b"deleted" else None


def _rebased(
    server: RedisServer, position: int, going: Container[int], framing: Framing
) -> tuple[bytes, bytes | int, int]:
    """Return a frame against what stays, the position of that, and how many bytes it grew.

    One that cannot be read is left as it is: it was lost before. Raises PermanentStoreError for
    one whose key is not here.
    """
    links = chain(server, "at", position)
    leaving = {link.key for link in links if link.key.position in going}
    try:
        frame, base = rebased(links, leaving, framing.keys)
    except (CorruptCheckpoint, IndexError):
        return b"", _LOST, 0
    return (
        frame,
        base.position if isinstance(base, FrameKey) else b"",
        len(frame) - len(links[0].data),
    )


def batches(values: Sequence[Any], size: int = BATCH) -> Iterator[Sequence[Any]]:
    """Yield a list in parts, so that no script keeps Redis from others for long."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
