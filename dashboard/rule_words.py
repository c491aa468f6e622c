"""A rule of notifications in words. Pure."""

from __future__ import annotations

from typing import Any

_SEVERITIES = {"low": "Everything", "medium": "Medium and high severity", "high": "High severity"}
_SHOWN = 3


def kinds_words(rule: Any) -> str:
    """Return what a rule tells of: severity, kinds, agents."""
    words = _SEVERITIES[rule.severity]
    if rule.kinds:
        named = ", ".join(rule.kinds[:_SHOWN])
        more = f" and {len(rule.kinds) - _SHOWN} more" if len(rule.kinds) > _SHOWN else ""
        words = f"{words} of {named}{more}"
    return f"{words}, agents {rule.agents}" if rule.agents else words


def hours_words(rule: Any) -> str:
    """Return when a rule is quiet and how often it reminds."""
    parts = []
    if rule.quiet_from is not None and rule.quiet_until is not None:
        passes = ", but for high severity" if rule.high_passes else ""
        hours = f"{_clock(rule.quiet_from)} to {_clock(rule.quiet_until)}"
        parts.append(f"quiet from {hours} ({rule.time_zone}){passes}")
    if rule.remind_hours:
        every = "hour" if rule.remind_hours == 1 else f"{rule.remind_hours} hours"
        parts.append(f"reminds every {every}")
    return "; ".join(parts) or "at any time, without reminders"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
