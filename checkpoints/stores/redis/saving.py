"""Saving into Redis: one script per save, which finds the head where it was left."""

from __future__ import annotations

from checkpoints.errors import CorruptCheckpoint, TransientStoreError
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.drafts import first_or_conflict, next_head, refuse_trashed
from checkpoints.stores.framing import Prepared
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

    def save(self, prepared: Prepared, expected: str | None) -> tuple[Checkpoint, int | None]:
        """Write a checkpoint; return its record and position, no position if it was there."""
        record = prepared.record
        name = rows.name_of(record.agent_id, record.thread_id)
        before = self._remembered(name, record, expected)
        for _ in range(ATTEMPTS):
            after = _head_after(before, record)
            reply = self._server.write(scripts.PUT, *self._kept(prepared, name, before, after))
            if reply[0] == b"saved":
                self._remember(name, after)
                return record, int(reply[1])
            if reply[0] == b"known":
                return _first(rows.row_of(reply[1]), record), None
            if reply[0] == b"base":
                raise BaseGone
            before = bytes(reply[1])
            self._heads.pop(name, None)
            check_head(_unpacked(before, record), expected)
        raise busy(self._url)

    def _remembered(self, name: bytes, record: Checkpoint, expected: str | None) -> bytes:
        """Return the head that is expected, as it was last written here, or what no head is."""
        if expected is None:
            return b""
        packed = self._heads.get(name, _UNKNOWN)
        head = _unpacked(packed, record) if packed != _UNKNOWN else None
        return packed if head and head.checkpoint_id == expected else _UNKNOWN

    def _kept(
        self, prepared: Prepared, name: bytes, before: bytes, after: bytes
    ) -> tuple[bytes | str | int, ...]:
        base = prepared.packed.base
        return (
            rows.encoded(prepared.record.id),
            name,
            before,
            after,
            pack_record(prepared.record),
            prepared.packed.data,
            base.position if base else b"",
            rows.encoded(base.checkpoint_id) if base else b"",
            self._ttl or b"",
        )

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


def _head_after(before: bytes, record: Checkpoint) -> bytes:
    """Return the head that a save makes of the one before; the script compares that one."""
    current = _unpacked(before, record) if before != _UNKNOWN else None
    expected = current.checkpoint_id if current else None
    return pack_head(next_head(current, record, expected=expected))


def _first(row: rows.Row | None, again: Checkpoint) -> Checkpoint:
    """Return the record that was saved first under this id, if it is the same checkpoint."""
    if row is None:
        raise CorruptCheckpoint(
            f"{again.id}: it is named but not there; run `holdfast rebuild`",
            checkpoint_id=again.id,
        )
    if row.trashed:
        raise refuse_trashed(again.id)
    return first_or_conflict(row.record, again)
