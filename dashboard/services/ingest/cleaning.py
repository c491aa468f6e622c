"""What agents write, as a database can keep it. Pure.

Ids must come back exactly, so one that a database cannot keep is refused. Other texts only serve
people: what cannot be kept in them is written out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import checkpoints
from dashboard.unkept import UNKEPT, written_out

MAX_ID_BYTES = 1_000
"""In UTF-8. PostgreSQL indexes at most 2,704 bytes of a row, and a row is known by two ids."""
MAX_TEXT_CHARACTERS = 10_000
MAX_JSON_CHARACTERS = 64_000
MAX_INTEGER = 2**63 - 1
FIRST_YEAR, LAST_YEAR = 1970, 9998
_SHA256 = re.compile(r"[0-9a-f]{64}")


class UnusableRecord(ValueError):
    """A record that the index cannot keep; ``field`` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_record(record: checkpoints.Checkpoint) -> None:
    """Raise UnusableRecord for ids, numbers and digests that no row can hold."""
    for field in ("id", "agent_id", "thread_id"):
        check_id(field, getattr(record, field), required=True)
    for field in ("namespace", "parent_id", "run_id"):
        check_id(field, getattr(record, field) or "")
    for field in ("step", "iteration", "size", "stored_size"):
        check_integer(field, getattr(record, field), least=-MAX_INTEGER - 1)
    for field in ("size", "stored_size"):
        check_integer(field, getattr(record, field), least=0)
    if record.sha256 and not _SHA256.fullmatch(record.sha256):
        raise UnusableRecord("sha256", "must be 64 lower-case hexadecimal digits")
    check_time("created_at", record.created_at)


def check_id(field: str, text: str, *, required: bool = False) -> None:
    """Raise UnusableRecord for an id that is empty where it must not be, too long or not text."""
    if required and not text:
        raise UnusableRecord(field, "must not be empty")
    if UNKEPT.search(text):
        raise UnusableRecord(field, "holds a NUL or half of a surrogate pair")
    if len(text.encode()) > MAX_ID_BYTES:
        raise UnusableRecord(field, f"is longer than {MAX_ID_BYTES:,} bytes")


def check_time(field: str, time: datetime) -> None:
    """Raise UnusableRecord for a time without an offset, or of no sensible year."""
    if time.utcoffset() is None:
        raise UnusableRecord(field, "must say its offset from UTC, for example with a Z")
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise UnusableRecord(field, f"must lie between {FIRST_YEAR} and {LAST_YEAR}")


def check_integer(field: str, value: int | None, *, least: int) -> None:
    """Raise UnusableRecord for a number that no row can hold; None is unknown."""
    if value is not None and not least <= value <= MAX_INTEGER:
        raise UnusableRecord(field, f"must be between {least} and {MAX_INTEGER}")


def text(value: str | None) -> str:
    """Return a text for people, shortened, with what no database keeps written out."""
    shown = written_out(value or "")
    if len(shown) <= MAX_TEXT_CHARACTERS:
        return shown
    return f"{shown[:MAX_TEXT_CHARACTERS]}… ({len(shown):,} characters)"


def mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata or metrics as JSON that every database keeps; too large ones only named."""
    kept = {text(str(key)): _json(value) for key, value in values.items()}
    size = len(json.dumps(kept))
    if size <= MAX_JSON_CHARACTERS:
        return kept
    return {"not indexed": f"{size:,} characters; the store has them"}


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {text(str(key)): _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return text(str(value))
