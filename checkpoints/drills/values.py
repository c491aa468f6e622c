"""What a rehearsal may use up, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from checkpoints.records import as_json


class Outcome(StrEnum):
    """How a rehearsal ended; ``skipped`` says nothing for or against the checkpoint."""

    PROVEN = "proven"
    FAILED = "failed"
    SKIPPED = "skipped"


class How(StrEnum):
    """Where a restore was rehearsed."""

    SAME_KIND = "on a copy of the same kind"
    SCRATCH = "in a scratch store of Holdfast's own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one rehearsal may use: bytes as they lie in the store, and seconds.

    The time is looked at between two steps: what is under way is not cut short.
    """

    most_bytes: int = 64 * 1024 * 1024
    seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a restore that was rehearsed has shown.

    ``decoded``, ``digest_verified``, ``restored`` and ``read_back`` say what is proved; the digest
    stays unproved where none was recorded. ``finding`` names the kind of what is wrong,
    ``checkpoints.findings`` says what follows from it; it is empty unless the rehearsal failed.
    ``bytes_read`` are bytes as they lie in the store.
    """

    checkpoint_id: str
    agent_id: str
    thread_id: str
    outcome: Outcome
    reason: str
    decoded: bool = False
    digest_verified: bool = False
    restored: bool = False
    read_back: bool = False
    how: How | None = None
    finding: str = ""
    bytes_read: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return as_json(self)
