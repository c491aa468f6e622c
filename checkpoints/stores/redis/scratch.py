"""Prefixes that are made for a trial: removed whole, and spoilt to see that it is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from checkpoints.records import Checkpoint
from checkpoints.stores.redis import rows, scripts
from checkpoints.stores.redis.server import RedisServer, prefix_of
from checkpoints.stores.scratch import require_scratch
from checkpoints.stores.urls import parse_url

_SPOIL = f"""{scripts.WRITE}
local pos = call('HGET', K.ids, ARGV[3])
local frame = call('HGET', K.frames, pos)
local at = math.floor(#frame / 2) + 1
local flipped = string.char(bit.bxor(string.byte(frame, at), 1))
call('HSET', K.frames, pos, string.sub(frame, 1, at - 1) .. flipped .. string.sub(frame, at + 1))
return {{'spoilt'}}
"""


def remove_scratch(url: str) -> None:
    """Delete a store that was made for a trial. Raises PermanentStoreError for any other."""
    with _server(url) as server:
        server.remove()


def spoil(url: str, checkpoint: Checkpoint) -> None:
    """Flip a bit of a checkpoint's frame, or flip it back, in a store made for a trial."""
    with _server(url) as server:
        server.write(_SPOIL, rows.encoded(checkpoint.id))


@contextmanager
def _server(url: str) -> Iterator[RedisServer]:
    parsed = parse_url(url)
    prefix = prefix_of(parsed)
    require_scratch(prefix)
    server = RedisServer(parsed, prefix)
    try:
        yield server
    finally:
        server.close()
