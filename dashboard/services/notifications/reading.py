"""Rows of rules as the values that decide."""

from __future__ import annotations

from collections import defaultdict

from dashboard.models import NotificationRule
from dashboard.services.notifications.matching import Rule
from dashboard.services.notifications.quiet import QuietHours


def rules_of(project_pk: int) -> dict[int, list[Rule]]:
    """Return the rules of a project's channels that are not paused, by channel, in one query."""
    rows = NotificationRule.objects.filter(
        channel__project=project_pk, channel__paused_at=None
    ).order_by("pk")
    found: dict[int, list[Rule]] = defaultdict(list)
    for row in rows:
        found[row.channel_id].append(rule_of(row))
    return dict(found)


def rule_of(row: NotificationRule) -> Rule:
    """Return a rule as a value."""
    return Rule(
        pk=row.pk,
        severity=row.severity,
        kinds=tuple(row.kinds),
        agents=row.agents,
        quiet=_quiet(row),
        high_passes=row.high_passes,
        remind_hours=row.remind_hours,
    )


def _quiet(row: NotificationRule) -> QuietHours | None:
    if row.quiet_from is None or row.quiet_until is None:
        return None
    return QuietHours(start=row.quiet_from, end=row.quiet_until, zone=row.time_zone)
