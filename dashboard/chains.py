"""The chain of audit events: what each one's hash covers. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""What the first event names as the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An event; ``user`` and ``project`` are primary keys."""

    sequence: int
    at: datetime
    user: int | None
    actor: str
    action: str
    target: str
    project: int | None
    details: Mapping[str, Any]
    previous: str
    hash: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON has them, the hash last."""
        return {
            "sequence": self.sequence,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "user": self.user,
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "project": self.project,
            "details": dict(self.details),
            "previous": self.previous,
            "hash": self.hash,
        }


def digest(link: Link) -> str:
    """Return the SHA-256 of canonical JSON of all fields but the hash itself.

    Canonical: keys sorted, no blanks, everything beyond ASCII escaped.
    """
    values = link.to_dict()
    del values["hash"]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
