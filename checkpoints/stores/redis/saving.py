"""Saving into Redis: one script per save, which finds the head where it was left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkpoints.errors import CorruptCheckpoint, TransientStoreError
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.drafts import (
    first_or_conflict,
    next_heads,
    refuse_trashed,
    saved_before,
)
from checkpoints.stores.framing import Chain, Places, Unplaced
from checkpoints.stores.heads import check_head
from checkpoints.stores.record_bytes import pack_head, pack_record, unpack_head
from checkpoints.stores.redis import rows, scripts
from checkpoints.stores.redis.server import RedisServer

ATTEMPTS = 100
REMEMBERED = 4096
"""Heads that one store remembers, so that a save need not ask for its own."""
_UNKNOWN = b"?"
"""Stands for a head that must be asked for; none is packed like that."""


class BaseGone(Exception):
    """The checkpoint that a frame was written against was swept meanwhile."""


class Saving:
    """Saves into one store."""

    def __init__(self, server: RedisServer, url: str, ttl: int | None) -> None:
        self._server = server
        self._url = url
        self._ttl = ttl
        self._heads: dict[bytes, bytes] = {}

    def forget(self) -> None:
        """Forget where heads were left."""
        self._heads.clear()

    def save(self, chain: Chain, expected: str | None) -> tuple[list[Checkpoint], Places | None]:
        """Write a chain; return its records and positions, no positions if it was there.

        Raises PartlySaved when only the first of it were, BaseGone when it must be written whole.
        """
        records = [prepared.record for prepared in chain]
        name = rows.name_of(records[0].agent_id, records[0].thread_id)
        before = self._remembered(name, records[0], expected)
        for _ in range(ATTEMPTS):
            after = _head_after(before, records)
            reply = self._server.write(scripts.PUT, *self._kept(chain, name, before, after))
            if reply[0] == b"saved":
                self._remember(name, after)
                return records, _places(records, reply[1])
            if reply[0] == b"known":
                found = [_first(*both) for both in zip(reply[1], records, strict=True)]
                return saved_before(found) or [], None
            if reply[0] == b"base":
                raise BaseGone
            before = bytes(reply[1])
            self._heads.pop(name, None)
            check_head(_unpacked(before, records[0]), expected)
        raise busy(self._url)

    def _remembered(self, name: bytes, record: Checkpoint, expected: str | None) -> bytes:
        """Return the head that is expected, as it was last written here, or what no head is."""
        if expected is None:
            return b""
        packed = self._heads.get(name, _UNKNOWN)
        head = _unpacked(packed, record) if packed != _UNKNOWN else None
        return packed if head and head.checkpoint_id == expected else _UNKNOWN

    def _kept(
        self, chain: Chain, name: bytes, before: bytes, after: bytes
    ) -> list[bytes | str | int]:
        values: list[bytes | str | int] = [name, before, after, self._ttl or b""]
        numbers = {prepared.record.id: n for n, prepared in enumerate(chain, start=1)}
        for prepared in chain:
            record, packed = prepared.record, prepared.packed
            values += [rows.encoded(record.id), pack_record(record), packed.data]
            values += _standing(packed.base, numbers)
        return values

    def _remember(self, name: bytes, head: bytes) -> None:
        if len(self._heads) >= REMEMBERED:
            self._heads.clear()
        self._heads[name] = head


def busy(url: str) -> TransientStoreError:
    """Return the error for a step that others got in the way of each time."""
    return TransientStoreError(
        f"{url}: others changed the same things {ATTEMPTS} times over; nothing was "
        "changed here, try again"
    )


def _unpacked(packed: bytes, record: Checkpoint) -> Head | None:
    """Return a head of the record's thread, None where there is no thread."""
    if not packed:
        return None
    return unpack_head(packed, agent_id=record.agent_id, thread_id=record.thread_id)


def _head_after(before: bytes, records: Sequence[Checkpoint]) -> bytes:
    """Return the head that a save makes of the one before; the script compares that one."""
    current = _unpacked(before, records[0]) if before != _UNKNOWN else None
    expected = current.checkpoint_id if current else None
    return pack_head(next_heads(current, records, expected=expected)[-1])


def _standing(base: Any, numbers: dict[str, int]) -> tuple[bytes | int, bytes]:
    """Return what a frame stands on, as the script wants it."""
    if isinstance(base, Unplaced):
        return numbers[base.checkpoint_id], b""
    return (base.position, rows.encoded(base.checkpoint_id)) if base else (b"", b"")


def _places(records: Sequence[Checkpoint], positions: Sequence[Any]) -> Places:
    found = zip(records, positions, strict=True)
    return Places(known={r.id: rows.FrameKey(int(position), r.id) for r, position in found})


def _first(reply: Any, again: Checkpoint) -> Checkpoint | None:
    """Return the record that was saved first under this id, if it is the same checkpoint."""
    if not reply:
        return None
    row = None if isinstance(reply, bytes) else rows.row_of(reply)
    if row is None:
        raise CorruptCheckpoint(
            f"{again.id}: it is named but not there; run `holdfast rebuild`",
            checkpoint_id=again.id,
        )
    if row.trashed:
        raise refuse_trashed(again.id)
    return first_or_conflict(row.record, again)
