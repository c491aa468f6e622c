"""What a Redis store is asked, some hundred things at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from checkpoints.bodies.chains import Link
from checkpoints.records import Changes, Checkpoint, Head, Thread
from checkpoints.stores.cursors import position_of
from checkpoints.stores.record_bytes import unpack_head
from checkpoints.stores.redis import queries, removing, rows
from checkpoints.stores.redis.server import RedisServer

PAGE = 500
_GONE = ("trashed", "quarantined", "erased")


class Reading:
    """Finds checkpoints, threads and changes in one store."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    def moved_by(self, operation_id: str | None) -> Head | None:
        """Return the head that an operation made, however long ago."""
        if operation_id is None:
            return None
        reply = self._server.read(queries.MOVED, rows.encoded(operation_id))
        if not reply:
            return None
        agent_id, thread_id = rows.names_of(reply[0])
        return unpack_head(bytes(reply[1] or b""), agent_id=agent_id, thread_id=thread_id)

    def row(self, checkpoint_id: str) -> rows.Row | None:
        """Return what is listed under an id."""
        self._server.require_ours()
        found = rows.rows_of(self._server.read(queries.FOUND, rows.encoded(checkpoint_id)))
        return found[0] if found and not found[0].trashed else None

    def newest(self, thread: int, limit: int | None) -> Iterator[rows.Row]:
        """Yield what a thread lists, newest first, a page at a time."""
        below, left = 2**53, limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            reply = self._server.read(queries.HISTORY, thread, below, size)
            page = rows.rows_of(reply)
            yield from page
            if len(reply) < size or not page:
                return
            below = page[-1].position
            left = None if left is None else left - len(page)

    def trashed(self, thread: int) -> list[rows.Row]:
        """Return what lies in the trash of a thread."""
        trashed = self._server.read(queries.GOING, b"+inf")
        return [
            row
            for some in removing.batches(trashed, PAGE)
            for row in rows.rows_of(self._server.read(queries.LYING, thread, *some))
        ]

    def rows_named(self, ids: Sequence[str]) -> list[rows.Row]:
        """Return what is there under some ids, in the trash or not."""
        return [
            row
            for some in removing.batches(ids, PAGE)
            for row in rows.rows_of(self._server.read(queries.FOUND, *map(rows.encoded, some)))
        ]

    def threads_named(self, agent_id: str | None, thread_id: str) -> list[rows.ThreadRow]:
        """Return a thread; those of all agents when none is named."""
        self._server.require_ours()
        if agent_id is None:
            return self.threads(queries.NAMED, rows.name_start(thread_id))
        name = rows.name_of(agent_id, thread_id)
        found = rows.thread_of(self._server.read(queries.THREAD, name))
        return [found] if found else []

    def threads(self, script: str, *values: bytes | int) -> list[rows.ThreadRow]:
        """Return the threads that a script finds."""
        self._server.require_ours()
        found = map(rows.thread_of, self._server.read(script, *values))
        return [thread for thread in found if thread is not None]

    def thread_at(self, number: int) -> rows.ThreadRow | None:
        """Return the thread of a number."""
        return next(iter(self.threads(queries.NUMBERED, number)), None)

    def threads_by_number(self, numbers: Sequence[int]) -> dict[int, rows.ThreadRow]:
        """Return threads by their numbers."""
        found = self.threads(queries.NUMBERED, *numbers) if numbers else []
        return {thread.thread: thread for thread in found}

    def views(self, threads: Sequence[rows.ThreadRow]) -> list[Thread]:
        """Return the present views of threads."""
        heads = [thread.readable_head for thread in threads]
        names = [rows.encoded(head.checkpoint_id if head else "") for head in heads]
        reply = self._server.read(queries.FOUND, *names) if names else []
        found = [rows.row_of(row) for row in reply]
        return [
            thread.view(row.record if row and head and not row.trashed else None)
            for thread, head, row in zip(threads, heads, found, strict=True)
        ]

    def chain(self, checkpoint_id: str) -> list[Link]:
        """Return a checkpoint's frames, newest first, empty when it is not there."""
        self._server.require_ours()
        return removing.chain(self._server, "id", rows.encoded(checkpoint_id))

    def all_views(self) -> Iterator[Thread]:
        """Yield every thread, most recently moved first."""
        last = b"+inf"
        while page := self.threads(queries.THREADS, last, PAGE):
            yield from self.views([thread for thread in page if thread.is_there])
            last = b"(" + bytes(page[-1].more[0])

    def changes(self, cursor: str | None, limit: int) -> Changes:
        """Return what was written after a cursor."""
        standing = self._server.standing()
        if standing is None:
            return Changes(cursor=cursor or "")
        identity = f"{standing.store_id}.{standing.epoch}"
        position = position_of(cursor, identity, standing.position)
        if cursor and position is not None and position < standing.horizon:
            position = None
        last, complete, *found = self._server.read(queries.CHANGES, position or 0, limit)
        gained, touched, removed = _sorted_out(found)
        threads = self.threads_by_number(touched)
        return Changes(
            cursor=f"{identity}:{int(last or 0)}",
            checkpoints=tuple(gained),
            threads=tuple(self.views(list(threads.values()))),
            removals=tuple(
                rows.removal_of(event, threads[event.thread])
                for event in removed
                if event.thread in threads
            ),
            complete=bool(complete),
            reset=position is None,
        )


def _sorted_out(
    found: Sequence[Any],
) -> tuple[list[Checkpoint], list[int], list[rows.Event]]:
    """Return what came, the numbers of the threads touched, and what went and is not back."""
    gained: dict[str, Checkpoint] = {}
    touched: dict[int, None] = {}
    removed: list[rows.Event] = []
    for packed, reply in found:
        row = rows.row_of(reply)
        event = rows.event_of(packed) if packed else None
        listed = row is not None and not row.trashed
        if event is not None:
            touched[event.thread] = None
        elif row is not None:
            touched[row.thread] = None
        if row is not None and listed and (not packed or (event and event.name == "untrashed")):
            gained.setdefault(row.id, row.record)
        if event is not None and not listed and event.name in _GONE:
            removed.append(event)
    return list(gained.values()), list(touched), removed
