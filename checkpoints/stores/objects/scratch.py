"""Stores in a bucket that are made for a trial: removed whole, and spoilt to see it noticed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from checkpoints.records import Checkpoint
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bucket import Bucket
from checkpoints.stores.scratch import require_scratch
from checkpoints.stores.urls import parse_url

QUIET_LOOKS = 3
BETWEEN_LOOKS_SECONDS = 0.5


def remove_scratch(url: str) -> None:
    """Delete the objects of a store that was made for a trial, and no other ones.

    It looks again until nothing is left and nothing more has come for a while: a write that was
    cut short may arrive late. Raises PermanentStoreError for a store that is there for good.
    """
    with _bucket(url) as bucket:
        quiet = 0
        while quiet < QUIET_LOOKS:
            if left := [at.key for at in bucket.listed("")]:
                bucket.delete(left)
                quiet = 0
            else:
                time.sleep(BETWEEN_LOOKS_SECONDS)
                quiet += 1


def spoil(url: str, checkpoint: Checkpoint) -> None:
    """Flip a bit of a checkpoint's frame, or flip it back, in a store made for a trial."""
    with _bucket(url) as bucket:
        for at in list(bucket.listed(object_keys.frames_of(checkpoint.id))):
            data = bytearray(bucket.data(at.key) or b"\0")
            data[-max(1, (checkpoint.stored_size or 0) // 2)] ^= 1  # an object ends with its frame
            bucket.put(at.key, bytes(data))


@contextmanager
def _bucket(url: str) -> Iterator[Bucket]:
    parsed = parse_url(url)
    require_scratch(parsed.server_path.rpartition("/")[2])
    bucket = Bucket(parsed, url)
    try:
        yield bucket
    finally:
        bucket.close()
