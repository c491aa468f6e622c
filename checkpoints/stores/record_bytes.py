"""Records and heads as they lie in stores: compact, and each with a checksum of its own.

The checksum covers the names under which a row is found, so that a record which came to stand
under another name is noticed.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import ormsgpack

from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint, Directive, Head, Kind, Status, Strategy

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UUID_LENGTH = 36
_KINDS = {str(kind): kind for kind in Kind}
_STATUSES = {str(status): status for status in Status}


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970 in UTC."""
    return (at - EPOCH) // _MICROSECOND


def time_of(count: int) -> datetime:
    """Return the time of :func:`microseconds`. Raises OverflowError, TypeError."""
    return EPOCH + timedelta(microseconds=count)


def pack_record(record: Checkpoint) -> bytes:
    """Return a record without its id and stored size."""
    values = [
        _short(record.agent_id),
        _short(record.thread_id),
        _short(record.parent_id),
        _short(record.run_id),
        record.step_name,
        record.step,
        record.iteration,
        microseconds(record.created_at),
        str(record.kind),
        str(record.status),
        record.size,
        bytes.fromhex(record.sha256 or ""),
        orjson.dumps(record.metrics) if record.metrics else None,
        orjson.dumps(record.metadata) if record.metadata else None,
    ]
    return _sealed(ormsgpack.packb(values), record.id)


def unpack_record(data: bytes, *, checkpoint_id: str, stored_size: int) -> Checkpoint:
    """Return a record. Raises CorruptCheckpoint when it is not the one that was kept."""
    values = _opened(data, checkpoint_id)
    try:
        agent_id, thread_id, parent_id, run_id, step_name, step, iteration, *rest = values
        created_at, kind, status, size, sha256, metrics, metadata = rest
        return Checkpoint(
            id=checkpoint_id,
            agent_id=_long(agent_id) or "",
            thread_id=_long(thread_id) or "",
            parent_id=_long(parent_id),
            run_id=_long(run_id),
            step_name=step_name,
            step=step,
            iteration=iteration,
            created_at=time_of(created_at),
            kind=_KINDS[kind],
            status=_STATUSES[status],
            size=size,
            stored_size=stored_size,
            sha256=sha256.hex(),
            metrics=orjson.loads(metrics) if metrics else {},
            metadata=orjson.loads(metadata) if metadata else {},
        )
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise CorruptCheckpoint(f"its record makes no sense: {error}") from error


def pack_head(head: Head) -> bytes:
    """Return a head without its agent and thread."""
    directive = head.directive
    values = [
        _short(head.checkpoint_id),
        head.version,
        microseconds(head.moved_at),
        head.operation_id,
        head.reason,
        [str(directive.strategy), orjson.dumps(directive.parameters)] if directive else None,
    ]
    return _sealed(ormsgpack.packb(values), head.agent_id, head.thread_id)


def unpack_head(data: bytes, *, agent_id: str, thread_id: str) -> Head:
    """Return a head. Raises CorruptCheckpoint when it is not the one that was kept."""
    try:
        checkpoint_id, version, moved_at, operation_id, reason, directive = _opened(
            data, agent_id, thread_id
        )
        return Head(
            agent_id=agent_id,
            thread_id=thread_id,
            checkpoint_id=_long(checkpoint_id) or "",
            version=version,
            moved_at=time_of(moved_at),
            operation_id=operation_id,
            reason=reason,
            directive=_directive(directive),
        )
    except (CorruptCheckpoint, ValueError, TypeError, OverflowError) as error:
        raise CorruptCheckpoint(
            f"the head of thread {thread_id!r} is damaged; `holdfast rebuild` makes its newest "
            "checkpoint the head"
        ) from error


def is_intact(data: bytes, *names: str) -> bool:
    """Say whether the checksum of a record or head holds, for the names it stands under."""
    return data[:4] == _checksum(data[4:], names)


def _directive(values: list[Any] | None) -> Directive | None:
    if values is None:
        return None
    strategy, parameters = values
    return Directive(strategy=Strategy(strategy), parameters=orjson.loads(parameters))


def _short(text: str | None) -> str | bytes | None:
    """Return a UUID in its usual spelling as its 16 bytes, anything else as it is."""
    if text is None or len(text) != _UUID_LENGTH:
        return text
    try:
        data = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return text
    return data if len(data) == 16 and _long(data) == text else text


def _long(text: str | bytes | None) -> str | None:
    if not isinstance(text, bytes):
        return text
    digits = text.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _sealed(data: bytes, *names: str) -> bytes:
    return _checksum(data, names) + data


def _opened(data: bytes, *names: str) -> list[Any]:
    payload = data[4:]
    if data[:4] != _checksum(payload, names):
        raise CorruptCheckpoint("its record is damaged: the checksum does not hold")
    try:
        values = ormsgpack.unpackb(payload)
    except ValueError as error:
        raise CorruptCheckpoint(f"its record cannot be read: {error}") from error
    return values if isinstance(values, list) else []


def _checksum(payload: bytes, names: tuple[str, ...]) -> bytes:
    bound = "\0".join(names).encode("utf-8", "surrogatepass")
    return zlib.crc32(payload, zlib.crc32(bound)).to_bytes(4, "little")
