"""What CrewAI saves of a run, as JSON text or as SQLite's JSONB."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from checkpoints.bodies.limits import check_size
from checkpoints.connectors.crewai import jsonb
from checkpoints.connectors.inert import decode_json
from checkpoints.errors import CorruptCheckpoint

MAX_BYTES: Final = 64 * 1024 * 1024
_SKIPPED: Final = frozenset({"event_record"})
"""What grows with each step and is not needed to list a checkpoint."""
OURS: Final = "holdfast"
"""The field in which operations leave their marks; CrewAI passes it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The stored bytes of a checkpoint. ``is_jsonb`` says in which of the two forms."""

    data: bytes
    is_jsonb: bool = False

    @property
    def sha256(self) -> str:
        """The hex digest of the stored bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def decode(self) -> dict[str, Any]:
        """Return the whole state. Raises CorruptCheckpoint."""
        value = jsonb.decode(self.data) if self.is_jsonb else decode_json(self.data)
        if not isinstance(value, dict):
            raise CorruptCheckpoint("the body is no JSON object")
        return value

    def outline(self) -> dict[str, Any]:
        """Return the state without what is not needed to list it. Raises CorruptCheckpoint."""
        if not self.is_jsonb:
            return {n: value for n, value in self.decode().items() if n not in _SKIPPED}
        check_size(len(self.data))
        return {
            name: jsonb.value_of(self.data, place)
            for name, place in jsonb.fields(self.data)
            if name not in _SKIPPED
        }

    def replaced(self, changes: Mapping[str, Any]) -> bytes:
        """Return the bytes with some top-level fields set. Raises CorruptCheckpoint, ValueError."""
        self.decode()
        if self.is_jsonb:
            return jsonb.replaced(self.data, changes)
        state: dict[str, Any] = json.loads(self.data)
        return json.dumps({**state, **changes}, allow_nan=False).encode()


def kind_of_damage(body: Body) -> str:
    """Name the kind of finding for a body that cannot be read."""
    if not body.data:
        return "zero_length"
    if body.is_jsonb:
        return "truncated" if _ends_early(body.data) else "undecodable"
    text = body.data.rstrip(b" \n\r\t\0")
    return "undecodable" if text.endswith(b"}") else "truncated"


def _ends_early(data: bytes) -> bool:
    """Say whether JSONB begins as an object that is longer than what there is of it."""
    try:
        jsonb.element_at(data, 0, len(data))
    except CorruptCheckpoint:
        return data[0] & 0x0F == jsonb.OBJECT
    return False
