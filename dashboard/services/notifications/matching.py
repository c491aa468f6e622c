"""Which rules of a channel a happening meets, and when it is told by them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from dashboard.services.notifications.happenings import HIGH, SEVERITIES, Happening
from dashboard.services.notifications.quiet import QuietHours

GATHER = timedelta(seconds=5)
"""How long the first of several subjects waits for the others."""
ENDINGS = ("resolved", "recovered", "met", "proven")
"""Last words of kinds that tell of an end: told only to who was told of the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a channel is told of. ``agents`` is a glob, empty for any; ``kinds`` empty for all."""

    pk: int
    severity: str
    kinds: tuple[str, ...] = ()
    agents: str = ""
    quiet: QuietHours | None = None
    high_passes: bool = True
    remind_hours: int | None = None

    def matches(self, happening: Happening, agent: str | None) -> bool:
        """Say whether a channel is told; ``agent`` is the name of the one that it is about."""
        if not is_end(happening.kind) and rank(happening.severity) < rank(self.severity):
            return False
        if self.kinds and not any(is_kind(happening.kind, kind) for kind in self.kinds):
            return False
        return not self.agents or (agent is not None and fnmatchcase(agent, self.agents))

    def quiet_until(self, severity: str, now: datetime) -> datetime | None:
        """Return until when a severity waits, None where it does not."""
        if self.quiet is None or (self.high_passes and severity == HIGH):
            return None
        return self.quiet.until(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When something is told, by which rule, and whether that is the end of quiet hours."""

    at: datetime
    rule: Rule
    held: bool


def soonest(
    rules: Iterable[Rule], happening: Happening, agent: str | None, now: datetime
) -> Due | None:
    """Return when the rules of one channel let it be told first; None where none wants it."""
    found = [
        _due(rule, happening.severity, now) for rule in rules if rule.matches(happening, agent)
    ]
    return min(found, key=lambda due: due.at, default=None)


def is_end(kind: str) -> bool:
    """Say whether a kind of happening tells that something is over."""
    return kind.rpartition(".")[2] in ENDINGS


def is_kind(kind: str, wanted: str) -> bool:
    """Say whether a kind is the wanted one, or one of its group: ``drift`` has ``drift.grew``."""
    return kind == wanted or kind.startswith(f"{wanted}.")


def rank(severity: str) -> int:
    """Return how much a severity weighs; nothing at all weighs least."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _due(rule: Rule, severity: str, now: datetime) -> Due:
    quiet_until = rule.quiet_until(severity, now)
    return Due(at=quiet_until or now + GATHER, rule=rule, held=quiet_until is not None)
