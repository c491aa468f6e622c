"""What a look for drift brought up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One measured reason to believe that an agent drifts, in words."""

    kind: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """False when nothing was found; otherwise the signs that were."""

    signs: tuple[Sign, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.signs)

    def __str__(self) -> str:
        return "; ".join(sign.evidence for sign in self.signs) or "no drift"
