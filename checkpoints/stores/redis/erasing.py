"""Deleting checkpoints from a Redis store for good, past the trash, heads and pinned ones too.

The head moves first, so that no run goes on from what is about to go. Then everything is deleted
in batches, each with the frames that stand on it written anew in the same step; an erasure that is
interrupted goes on when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from datetime import datetime

from checkpoints.records import Checkpoint, Head
from checkpoints.stores.framing import Framing
from checkpoints.stores.heads import erased_head
from checkpoints.stores.record_bytes import pack_head
from checkpoints.stores.redis import journal, rows
from checkpoints.stores.redis.reading import Reading
from checkpoints.stores.redis.removing import Erasure, delete, move
from checkpoints.stores.redis.rows import Row, ThreadRow
from checkpoints.stores.redis.scripts import WRITE
from checkpoints.stores.redis.server import RedisServer

_ENDED = f"""{WRITE}
local n, journal = unpack(ARGV, 3, 4)
local all, ids = journal ~= '', {{}}
for i = 5, #ARGV do ids[ARGV[i]] = true end
for _, name in ipairs(call('HKEYS', K.quarantine)) do
  local kept = string.find(name, '^%d+$') and cmsgpack.unpack(call('HGET', K.quarantine, name))
  if kept and kept[2] == n and (all or ids[kept[1]]) then
    call('HDEL', K.quarantine, name, name .. ':record', name .. ':frame')
  elseif all and string.sub(name, 1, #journal) == journal then
    call('HDEL', K.quarantine, name)
  end
end
for _, name in ipairs(all and call('HKEYS', K.moves) or {{}}) do
  if split(call('HGET', K.moves, name)) == n then call('HDEL', K.moves, name) end
end
return {{'ended'}}
"""
"""Deletes what does not lie with the others: quarantine and, of a whole thread, its moves."""


class Erasing:
    """Deletes checkpoints of one thread; ``ids`` None is all of them."""

    def __init__(
        self,
        server: RedisServer,
        framing: Framing,
        agent_id: str,
        thread_id: str,
        ids: Sequence[str] | None,
    ) -> None:
        self._server = server
        self._framing = framing
        self._reading = Reading(server)
        self._names = agent_id, thread_id
        self._ids = ids
        self._erased: set[int] = set()

    def attempt(self, now: datetime) -> int | None:
        """Delete them; return how many went, None when others changed something meanwhile."""
        if self._server.standing() is None:
            return 0
        thread = next(iter(self._reading.threads_named(*self._names)), None)
        going = self._going(thread.thread) if thread else []
        self._erased |= {row.position for row in going}
        if thread is not None and not self._deleted(thread, going, now):
            return None
        self._forget_what_names(thread)
        return len(self._erased)

    def _deleted(self, thread: ThreadRow, going: Sequence[Row], now: datetime) -> bool:
        head = self._moved(thread, going, now)
        if head is None:
            return False
        erasure = Erasure(thread=thread.thread, head=head, at=now)
        positions = [row.position for row in going]
        return delete(self._server, positions, self._framing, erasure=erasure) is not None

    def _moved(self, thread: ThreadRow, going: Sequence[Row], now: datetime) -> bytes | None:
        """Move the head off what goes; return what it is then, None when it was another."""
        head, gone = thread.readable_head, {row.id for row in going}
        leaves = self._ids is None or (head is not None and head.checkpoint_id in gone)
        if thread.head == b"" or not leaves:
            return thread.head or b""
        to = self._following(thread, head, gone) if self._ids is not None else None
        following = erased_head(head, to, now) if head and to else None
        if not move(self._server, thread, following, at=now):
            return None
        return pack_head(following) if following else b""

    def _following(
        self, thread: ThreadRow, head: Head | None, gone: Container[str]
    ) -> Checkpoint | None:
        """Return the nearest ancestor that is listed and stays, else the newest that does."""
        for row in self._lineage(head.checkpoint_id if head else None):
            if row.thread == thread.thread and not row.trashed and row.id not in gone:
                return row.record
        newest = self._reading.newest(thread.thread, None)
        return next((row.record for row in newest if row.id not in gone), None)

    def _lineage(self, start: str | None) -> Iterator[Row]:
        seen: set[str] = set()
        while start is not None and start not in seen:
            seen.add(start)
            row = next(iter(self._reading.rows_named([start])), None)
            if row is None:
                return
            yield row
            start = row.record.parent_id

    def _going(self, thread: int) -> list[Row]:
        if self._ids is not None:
            found = self._reading.rows_named(list(dict.fromkeys(self._ids)))
            return [row for row in found if row.thread == thread]
        return [*self._reading.newest(thread, None), *self._reading.trashed(thread)]

    def _forget_what_names(self, thread: ThreadRow | None) -> None:
        """Delete the entries that name what went, and what of it is in quarantine."""
        if self._ids is None:
            journal.drop_thread(self._server, *self._names)
        elif thread is not None:
            journal.drop_naming(self._server, *self._names, self._ids)
        kept = journal.quarantined(*reversed(self._names)) if self._ids is None else b""
        number = thread.thread if thread else b""
        self._server.write(_ENDED, number, kept, *map(rows.encoded, self._ids or ()))
