"""How a check can end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """Whether a store kept what a check asks for."""

    HELD = "held"
    DID_NOT_HOLD = "did not hold"
    NOT_POSSIBLE = "not possible here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One check: what was asked, how it ended and why, and how many seconds it took."""

    check: str
    promise: str
    verdict: Verdict
    reason: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON types."""
        return {
            "check": self.check,
            "promise": self.promise,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }


class DidNotHold(Exception):
    """The store did not keep its promise; ends a check."""


class NotPossible(Exception):
    """The check cannot be made here; ends it."""


def require(kept: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    """Raise DidNotHold with a sentence unless the promise was kept."""
    if not kept:
        raise DidNotHold(otherwise)
