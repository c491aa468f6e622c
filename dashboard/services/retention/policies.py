"""Setting, changing and removing retention policies. Nothing here writes to a store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

import checkpoints
from dashboard import access
from dashboard.models import PruneSchedule, RetentionPolicy, User
from dashboard.selectors.retention import Target, level_of, read_book
from dashboard.services import audit
from dashboard.services.retention.errors import RetentionRefused

LONGEST_NAME = 100


def set_policy(
    *, user: User, target: Target, name: str, policy: checkpoints.RetentionPolicy, now: datetime
) -> RetentionPolicy:
    """Let a policy apply to a target, in place of the one that was set on it before.

    Raises Forbidden, Hidden, RetentionRefused, or LoginTooOld where a schedule would carry it out.
    """
    _require(user, target, now)
    if not name.strip():
        raise RetentionRefused("Give the policy a name; nothing was changed.")
    before = read_book([target.project]).own(target)
    values: dict[str, Any] = {
        "name": name.strip()[:LONGEST_NAME],
        "rules": policy.to_dict(),
        "changed_by": user,
        "changed_at": now,
    }
    with transaction.atomic():
        place: dict[str, Any] = {target.level: target.row}
        row, _ = RetentionPolicy.objects.update_or_create(defaults=values, **place)
        _record(user, target, before=_told(before), after=_told(row), now=now)
    return row


def remove_policy(*, user: User, target: Target, now: datetime) -> None:
    """Take a target's own policy away; the next one further out applies again.

    Raises Forbidden, Hidden, LoginTooOld, or RetentionRefused when it has none of its own.
    """
    _require(user, target, now)
    before = read_book([target.project]).own(target)
    if before is None:
        raise RetentionRefused(f"The {target.words} has no policy of its own; nothing was changed.")
    level, pk = level_of(before)
    with transaction.atomic():
        RetentionPolicy.objects.filter(**{f"{level}_id": pk}).delete()
        _record(user, target, before=_told(before), after=None, now=now)


def carried_out_by(target: Target) -> list[PruneSchedule]:
    """Return the schedules that are not paused and reach a target or something in it."""
    reach = Q(project=target.project)
    if target.source is not None:
        reach |= Q(source=target.source)
    else:
        reach |= Q(source__project=target.project) | Q(agent__source__project=target.project)
    if target.agent is not None:
        reach |= Q(agent=target.agent)
    elif target.source is not None:
        reach |= Q(agent__source=target.source)
    return list(PruneSchedule.objects.filter(reach, paused_at=None).order_by("next_run_at"))


def _require(user: User, target: Target, now: datetime) -> None:
    access.require(user, "operate", target.project)
    if carried_out_by(target):
        access.require_recent_login(user, now)


def _told(policy: RetentionPolicy | None) -> Mapping[str, Any] | None:
    return None if policy is None else {"name": policy.name, "rules": policy.rules}


def _record(
    user: User,
    target: Target,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    audit.record(
        user=user,
        action="retention.removed" if after is None else "retention.set",
        target=target.words,
        details={"level": target.level, "before": before, "after": after},
        project=target.project,
        now=now,
    )
