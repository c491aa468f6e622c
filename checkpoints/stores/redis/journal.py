"""The journal of a Redis store: a sorted set of the entries' names, a hash of their bodies.

All names have the same score, so Redis orders them by their bytes. A name is thread, agent and
kind, each behind its length, and then the key: the entries of a thread, or of a kind, lie beside
each other, in the order of their keys. Before a body stands the id of the checkpoint that it
names, behind its length, or a mere colon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checkpoints.records import JournalEntry, JournalName
from checkpoints.stores.entry_bytes import EntryName, pack_entries, unpack_entry
from checkpoints.stores.framing import Framing
from checkpoints.stores.redis.removing import batches
from checkpoints.stores.redis.rows import encoded, text
from checkpoints.stores.redis.scripts import READ, WRITE
from checkpoints.stores.redis.server import RedisServer

PAGE = 500
_BEHIND = b"\xff"
"""Comes behind every byte of a text in UTF-8."""

_RECORD = f"""{WRITE}
local new = 0
for i = 4, #ARGV, 2 do
  local there = call('HEXISTS', K.entries, ARGV[i]) == 1
  if not there or ARGV[3] == '1' then call('HSET', K.entries, ARGV[i], ARGV[i + 1]) end
  if not there then
    call('ZADD', K.journal, 0, ARGV[i])
    new = new + 1
  end
end
return {{'recorded', new}}
"""

_FORGET = f"""{WRITE}
local there = 0
for i = 3, #ARGV do
  there = there + call('HDEL', K.entries, ARGV[i])
  call('ZREM', K.journal, ARGV[i])
end
return {{'forgotten', there}}
"""

_FOUND = f"""{READ}
local command, from, to, limit = unpack(ARGV)
local found = {{}}
for _, name in ipairs(call(command, K.journal, from, to, 'LIMIT', 0, limit)) do
  found[#found + 1] = name
  found[#found + 1] = call('HGET', K.entries, name)
end
return found
"""

_NAMING = f"""{READ}
local ids = {{}}
for i = 3, #ARGV do ids[ARGV[i]] = true end
local page = call('ZRANGEBYLEX', K.journal, ARGV[1], ARGV[2], 'LIMIT', 0, {PAGE})
local naming = {{}}
for _, name in ipairs(page) do
  local body = call('HGET', K.entries, name) or ''
  local _, cut, length = string.find(body, '^(%d+):')
  if cut and ids[string.sub(body, cut + 1, cut + length)] then naming[#naming + 1] = name end
end
return {{page[#page] or false, naming}}
"""

_GROUPS = f"""{READ}
local found, from = {{}}, ARGV[1]
while #found < {PAGE} do
  local name = call('ZRANGEBYLEX', K.journal, from, ARGV[2], 'LIMIT', 0, 1)[1]
  if not name then break end
  local at = 1
  for _ = 1, 3 do
    local _, cut, length = string.find(name, '^(%d+):', at)
    at = cut and cut + length + 1 or #name + 1
  end
  local group = string.sub(name, 1, at - 1)
  found[#found + 1] = group
  from = '[' .. group .. '\\255'
end
return found
"""


class RedisJournal:
    """Keeps entries, each under its four names."""

    _server: RedisServer
    _framing: Framing

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries in one script, all or none; return how many of them are new."""
        values: list[bytes] = []
        for entry in pack_entries(entries, self._framing.keys):
            values += [packed_name(entry.name), _naming(entry.checkpoint_id) + entry.body]
        return int(self._server.write(_RECORD, int(replace), *values)[1]) if values else 0

    def entries(
        self,
        agent_id: str,
        thread_id: str,
        *,
        kind: str,
        prefix: str = "",
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """Return a thread's entries of one kind in the order of their keys."""
        self._server.require_ours()
        start = start_of(thread_id, agent_id, kind) + encoded(prefix)
        found = (
            forwards(self._server, start) if limit is None else _last(self._server, start, limit)
        )
        keys = self._framing.keys
        return [unpack_entry(named(name), body_of(kept)[1], keys) for name, kept in found]

    def forget(self, agent_id: str, thread_id: str, *, kind: str, keys: Sequence[str]) -> int:
        """Delete journal entries for good; return how many there were."""
        start = start_of(thread_id, agent_id, kind)
        return drop(self._server, [start + encoded(key) for key in keys])

    def journals(
        self, agent_id: str | None = None, thread_id: str | None = None
    ) -> list[JournalName]:
        """Return which kinds of entries there are, of which threads."""
        self._server.require_ours()
        found = (named(group) for group in _groups(self._server, agent_id, thread_id))
        names = sorted(name[:3] for name in found if agent_id in (None, name.agent_id))
        return [JournalName(agent_id=a, thread_id=t, kind=kind) for a, t, kind in names]


def drop(server: RedisServer, names: Sequence[bytes]) -> int:
    """Delete entries; return how many there were."""
    if server.standing() is None:
        return 0
    return sum(int(server.write(_FORGET, *some)[1]) for some in batches(names, PAGE))


def drop_thread(server: RedisServer, agent_id: str, thread_id: str) -> None:
    """Delete a thread's journal."""
    for page in _pages(server, start_of(thread_id, agent_id)):
        drop(server, [name for name, _ in page])


def drop_naming(server: RedisServer, agent_id: str, thread_id: str, ids: Sequence[str]) -> None:
    """Delete a thread's entries that name one of these checkpoints."""
    start = start_of(thread_id, agent_id)
    wanted = [encoded(checkpoint_id) for checkpoint_id in ids]
    last: bytes | None = b"[" + start
    while last is not None:
        end, naming = server.read(_NAMING, last, b"(" + start + _BEHIND, *wanted)
        if naming:
            drop(server, naming)
        last = b"(" + end if end is not None else None


def forwards(server: RedisServer, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names that begin so and their bodies, in order; a lost body is empty."""
    for page in _pages(server, start):
        yield from page


def _pages(server: RedisServer, start: bytes) -> Iterator[list[tuple[bytes, bytes]]]:
    first = b"[" + start
    while page := _page(server, "ZRANGEBYLEX", first, b"(" + start + _BEHIND, PAGE):
        yield page
        first = b"(" + page[-1][0]


def _last(server: RedisServer, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
    """Return the last names that begin so and their bodies, in order."""
    found: list[tuple[bytes, bytes]] = []
    last = b"(" + start + _BEHIND
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        page = _page(server, "ZREVRANGEBYLEX", last, b"[" + start, size)
        found += page
        if len(page) < size:
            break
        last = b"(" + page[-1][0]
    return found[::-1]


def _page(
    server: RedisServer, command: str, first: bytes, last: bytes, limit: int
) -> list[tuple[bytes, bytes]]:
    reply = server.read(_FOUND, command, first, last, limit)
    return [(n, bytes(body or b"")) for n, body in zip(reply[::2], reply[1::2], strict=True)]


def _groups(server: RedisServer, agent_id: str | None, thread_id: str | None) -> Iterator[bytes]:
    """Yield what the names of each kind begin with."""
    names = [name for name in (thread_id, agent_id) if name is not None]
    start = start_of(*names) if thread_id is not None else b""
    first = b"[" + start
    while page := server.read(_GROUPS, first, b"(" + start + _BEHIND):
        yield from page
        first = b"(" + page[-1] + _BEHIND


def start_of(*names: str) -> bytes:
    """Return what the names of all entries of a thread, agent and kind begin with."""
    parts = [encoded(name) for name in names]
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)


def quarantined(*names: str) -> bytes:
    """Return what an entry's name, or what begins so, is in quarantine."""
    return b"entry:" + start_of(*names)


def packed_name(name: EntryName) -> bytes:
    """Return an entry's name as it lies in Redis."""
    return start_of(name.thread_id, name.agent_id, name.kind) + encoded(name.key)


def _naming(checkpoint_id: str | None) -> bytes:
    return b":" if checkpoint_id is None else start_of(checkpoint_id)


def body_of(kept: bytes) -> tuple[str | None, bytes]:
    """Return the checkpoint that an entry names, and its body."""
    length, _, rest = kept.partition(b":")
    if not length.isdigit():
        return None, rest
    return text(rest[: int(length)]), rest[int(length) :]


def named(packed: bytes) -> EntryName:
    """Return the name of an entry; what makes no sense becomes its key."""
    parts, rest = [], packed
    for _ in range(3):
        length, colon, behind = rest.partition(b":")
        if not (colon and length.isdigit()) or int(length) > len(behind):
            return EntryName("", "", "", text(packed))
        parts.append(text(behind[: int(length)]))
        rest = behind[int(length) :]
    thread_id, agent_id, kind = parts
    return EntryName(agent_id, thread_id, kind, text(rest))
