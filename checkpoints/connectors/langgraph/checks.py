"""What is wrong with one of LangGraph's checkpoints, whatever database it lies in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from checkpoints.bodies.limits import MAX_BYTES, check_size
from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.bodies import Body
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key, WriteRow
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Finding

AHEAD: Final = timedelta(minutes=1)
"""How far the clocks of two machines may be apart."""
NEWEST_VERSION: Final = 4
"""The newest version of the format of a body that is known."""
_NO_VALUES = frozenset({None, "null", "empty"})


def read(row: CheckpointRow) -> tuple[Body | None, list[Finding]]:
    """Decode a row's body; return it with what is wrong with it and with the metadata."""
    found = list(_of_metadata(row))
    try:
        body = bodies.decode_body(row)
    except CorruptCheckpoint as error:
        return None, [finding(_kind(row, error), str(error), row.key), *found]
    return body, [*_of_body(row, body), *found]


def _kind(row: CheckpointRow, error: CorruptCheckpoint) -> str:
    if row.size > MAX_BYTES:
        return "too_large"
    if not row.size:
        return "zero_length"
    if is_encrypted(row.type):
        return "encrypted"
    return "truncated" if isinstance(error.__cause__, inert.CutOff) else "undecodable"


def _of_body(row: CheckpointRow, body: Body) -> Iterator[Finding]:
    if body.id and body.id != row.key.checkpoint_id:
        yield finding("wrong_id", f"the body says that its id is {body.id}", row.key)
    if body.version > NEWEST_VERSION:
        message = f"its format has version {body.version}; {NEWEST_VERSION} is the newest known"
        yield finding("future_version", message, row.key)


def _of_metadata(row: CheckpointRow) -> Iterator[Finding]:
    try:
        content = inert.decode_json(row.metadata) if row.metadata else {}
    except CorruptCheckpoint:
        content = None
    if not isinstance(content, dict):
        yield finding("undecodable_metadata", "the metadata is not a JSON object", row.key)


def of_time(key: Key, now: datetime) -> Iterator[Finding]:
    """Yield a finding for an id that was made at a time still to come."""
    made = bodies.time_of_id(key.checkpoint_id)
    if made is not None and made - now > AHEAD:
        message = f"its id was made at {made:%Y-%m-%d %H:%M} UTC, which is yet to come"
        yield finding("future_id", message, key)


def of_write(write: WriteRow, value: bytes) -> Iterator[Finding]:
    """Yield a finding for what a task wrote and nobody can read; ``value`` is as it is stored."""
    try:
        check_size(write.size)
        inert.decode_typed(write.type, value)
    except CorruptCheckpoint as error:
        message = f"what a task wrote to {write.channel} cannot be read: {error}"
        yield finding("undecodable_write", message, write.key)


def is_encrypted(type_name: str | None) -> bool:
    """Say whether a body or a write of this type is encrypted."""
    return "+" in (type_name or "")


def is_plain(type_name: str | None) -> bool:
    """Say whether a value of this type holds something that anybody can read."""
    return type_name not in _NO_VALUES and not is_encrypted(type_name)


def plaintext(key: Key, what: str = "it is") -> Finding:
    """Return the finding for what lies open in a store that is encrypted elsewhere."""
    return finding("plaintext", f"{what} stored plain, while others are encrypted", key)


def finding(kind: str, message: str, key: Key) -> Finding:
    """Return a finding on one checkpoint."""
    return Finding(
        kind=kind, message=message, checkpoint_id=key.checkpoint_id, thread_id=key.thread_id
    )
