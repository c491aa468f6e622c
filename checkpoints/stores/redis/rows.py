"""What a Redis store's scripts return, as values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import ormsgpack

from checkpoints.bodies.chains import Link
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint, Head, Pin, Removal, Thread
from checkpoints.stores.heads import standing
from checkpoints.stores.record_bytes import microseconds, time_of, unpack_head, unpack_record


class FrameKey(NamedTuple):
    """Names a frame: its position, and the id of its checkpoint.

    A server that lost its last moments may give a position to another checkpoint.
    """

    position: int
    checkpoint_id: str


class Row(NamedTuple):
    """A checkpoint as it lies in Redis, without its frame."""

    position: int
    id: str
    thread: int
    name: bytes | None
    packed: bytes | None
    stored_size: int
    trashed: bool

    @property
    def record(self) -> Checkpoint:
        """The record; one that cannot be read says so in ``damage``."""
        try:
            packed = self.packed or b""
            return unpack_record(packed, checkpoint_id=self.id, stored_size=self.stored_size)
        except CorruptCheckpoint as error:
            agent_id, thread_id = names_of(self.name)
            return Checkpoint(
                id=self.id,
                agent_id=agent_id,
                thread_id=thread_id,
                step=0,
                created_at=datetime.fromtimestamp(0, UTC),
                damage=str(error),
            )


class ThreadRow(NamedTuple):
    """A thread as it lies in Redis; ``head`` is packed, ``more`` what its script put behind.

    One with an empty head has none; without checkpoints too it was erased, its name alone is left.
    """

    thread: int
    name: bytes | None
    head: bytes | None
    checkpoints: int
    more: tuple[Any, ...]

    @property
    def agent_id(self) -> str:
        """The agent, empty where the name is lost."""
        return names_of(self.name)[0]

    @property
    def thread_id(self) -> str:
        """The thread, empty where the name is lost."""
        return names_of(self.name)[1]

    @property
    def is_there(self) -> bool:
        """Say whether anything of the thread is left."""
        return self.head != b"" or self.checkpoints > 0

    def unpacked(self) -> Head | None:
        """Return the head, None where the thread has none. Raises CorruptCheckpoint."""
        if self.head == b"":
            return None
        return unpack_head(self.head or b"", agent_id=self.agent_id, thread_id=self.thread_id)

    @property
    def readable_head(self) -> Head | None:
        """The head, None where it cannot be read."""
        try:
            return self.unpacked()
        except CorruptCheckpoint:
            return None

    def view(self, record: Checkpoint | None) -> Thread:
        """Return the present view, given the head's record."""
        head = self.readable_head
        status, detail = standing(head, record)
        return Thread(
            agent_id=self.agent_id,
            thread_id=self.thread_id,
            head_id=head.checkpoint_id if head else None,
            checkpoints=self.checkpoints,
            updated_at=head.moved_at if head else None,
            head_version=head.version if head else 0,
            status=status,
            detail=detail,
        )


class Event(NamedTuple):
    """Something that happened, other than a save."""

    name: str
    thread: int
    at: int
    checkpoint_id: str
    reason: str


def row_of(reply: Any) -> Row | None:
    """Return a checkpoint's row, None where there is none."""
    if not reply:
        return None
    position, name, thread, line, packed, size, trashed = reply
    return Row(int(position), text(name), int(thread), line, packed, int(size), trashed is not None)


def rows_of(reply: Sequence[Any]) -> list[Row]:
    """Return the rows that are there."""
    return [row for row in map(row_of, reply) if row is not None]


def thread_of(reply: Sequence[Any]) -> ThreadRow | None:
    """Return a thread, None where there is none."""
    if not reply:
        return None
    thread, name, head, count, *more = reply
    return ThreadRow(int(thread), name, head, _number(count), tuple(more))


def links_of(reply: Sequence[Any]) -> list[Link]:
    """Return a chain of frames, newest first."""
    found = zip(reply[::3], reply[1::3], reply[2::3], strict=True)
    return [
        Link(key=FrameKey(int(position), text(name)), checkpoint_id=text(name), data=data)
        for position, name, data in found
    ]


def event_of(data: bytes) -> Event | None:
    """Return an event, None where it cannot be read."""
    try:
        name, thread, at, checkpoint_id, reason = ormsgpack.unpackb(data)
        return Event(str(name), int(thread), int(at), str(checkpoint_id), str(reason))
    except (ValueError, TypeError):
        return None


def removal_of(event: Event, thread: ThreadRow) -> Removal:
    """Return what an event removed."""
    return Removal(
        agent_id=thread.agent_id,
        thread_id=thread.thread_id,
        checkpoint_id=event.checkpoint_id,
        reason=event.reason,
        removed_at=time_of(event.at),
    )


def pack_pin(reason: str, at: datetime) -> bytes:
    """Return a pin as bytes."""
    return ormsgpack.packb([reason, microseconds(at)])


def pin_of(name: bytes, data: bytes) -> Pin:
    """Return a pin. Raises CorruptCheckpoint."""
    try:
        reason, at = ormsgpack.unpackb(data)
        return Pin(checkpoint_id=text(name), reason=str(reason), pinned_at=time_of(at))
    except (ValueError, TypeError, OverflowError) as error:
        raise CorruptCheckpoint(f"the pin of {text(name)} is damaged: {error}") from error


def name_start(thread_id: str) -> bytes:
    """Return how the names of all threads with this id begin, whatever their agents."""
    thread = encoded(thread_id)
    return b"%d:%b" % (len(thread), thread)


def name_of(agent_id: str, thread_id: str) -> bytes:
    """Return the one name of a thread."""
    return name_start(thread_id) + encoded(agent_id)


def names_of(name: bytes | None) -> tuple[str, str]:
    """Return agent and thread of a name; both empty where it makes no sense."""
    length, colon, rest = (name or b"").partition(b":")
    if not (colon and length.isdigit()) or int(length) > len(rest):
        return "", ""
    try:
        return text(rest[int(length) :]), text(rest[: int(length)])
    except UnicodeDecodeError:
        return "", ""


def encoded(value: str) -> bytes:
    """Return text as bytes; what no store can hold is just not found."""
    return value.encode("utf-8", "surrogatepass")


def text(value: bytes) -> str:
    """Return the text of :func:`encoded`; damage shows as question marks."""
    return value.decode("utf-8", "replace")


def _number(count: bytes | None) -> int:
    try:
        return int(count or 0)
    except ValueError:
        return -1
