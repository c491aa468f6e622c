"""Verifying and mending the journal of a Redis store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from checkpoints.records import Finding
from checkpoints.stores.entry_bytes import damage_of
from checkpoints.stores.record_bytes import microseconds
from checkpoints.stores.redis.journal import PAGE, body_of, forwards, named
from checkpoints.stores.redis.removing import batches
from checkpoints.stores.redis.scripts import READ, WRITE
from checkpoints.stores.redis.server import RedisServer

_UNLISTED = f"""{READ}
return call('HLEN', K.entries) - call('ZCARD', K.journal)
"""

_QUARANTINE = f"""{WRITE}
local name, sha1, at, reason = unpack(ARGV, 3)
local kept = call('HGET', K.entries, name) or ''
if redis.sha1hex(kept) ~= sha1 then return {{'changed'}} end
call('HSET', K.quarantine, 'entry:' .. name, cmsgpack.pack({{reason, at, kept}}))
call('HDEL', K.entries, name)
call('ZREM', K.journal, name)
return {{'quarantined'}}
"""

_RELIST = f"""{WRITE}
for i = 3, #ARGV do
  if call('HEXISTS', K.entries, ARGV[i]) == 1 then call('ZADD', K.journal, 0, ARGV[i]) end
end
return {{'listed'}}
"""


def verify(server: RedisServer) -> Iterator[Finding]:
    """Check every entry by its checksum, and that all are listed."""
    for name, _, why in _damaged(server):
        yield _finding(name, why)
    unlisted = int(server.read(_UNLISTED))
    if unlisted > 0:
        yield Finding(
            kind="lost_listing",
            message=f"{unlisted} journal entries are not listed; `holdfast rebuild` lists them",
        )


def quarantine(server: RedisServer, now: datetime) -> list[Finding]:
    """Move each entry that cannot be read into quarantine and tell of it."""
    moved = []
    for name, kept, why in list(_damaged(server)):
        digest = hashlib.sha1(kept, usedforsecurity=False).hexdigest()
        reason = why.encode("utf-8", "replace")
        reply = server.write(_QUARANTINE, name, digest, microseconds(now), reason)
        if reply[0] == b"quarantined":
            message = f"{why}; its bytes are kept in quarantine"
            moved.append(_finding(name, message, kind="quarantined"))
    return moved


def relist(server: RedisServer) -> None:
    """List every entry that is there."""
    names = [name for name, _ in server.scan("entries")]
    for some in batches(names, PAGE):
        server.write(_RELIST, *some)


def _damaged(server: RedisServer) -> Iterator[tuple[bytes, bytes, str]]:
    """Yield name, content and what is wrong with it."""
    for name, kept in forwards(server, b""):
        why = damage_of(named(name), *body_of(kept))
        if why is not None:
            yield name, kept, why


def _finding(name: bytes, why: str, *, kind: str = "corrupt_entry") -> Finding:
    return Finding(kind=kind, message=why, thread_id=named(name).thread_id)
