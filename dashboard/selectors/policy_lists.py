"""Retention policies as programs list them: those that are set, with what each is set on."""

from __future__ import annotations

from django.db.models import Q

from dashboard.access import projects, require
from dashboard.models import RetentionPolicy, User
from dashboard.selectors.keyset import Order, Slice, page_after
from dashboard.selectors.policies import PolicyRow
from dashboard.selectors.retention import level_of, target_of

LATEST = Order(field="changed_at")
WITHIN = ("project", "source__project", "agent__source__project", "thread__agent__source__project")


def list_policies(*, user: User, after: str = "", size: int = 100) -> Slice[RetentionPolicy]:
    """Return a page of the policies that ``user`` may read, the last changed first.

    Raises NotFound for a key that no page handed out.
    """
    require(user, "read")
    mine = projects(user)
    readable = Q()
    for path in WITHIN:
        readable |= Q(**{f"{path}__in": mine})
    rows = RetentionPolicy.objects.filter(readable).select_related("changed_by", *WITHIN)
    return page_after(rows, LATEST, after, size=size)


def policy_row(policy: RetentionPolicy) -> PolicyRow:
    """Return a policy with what it is set on."""
    level, _ = level_of(policy)
    return PolicyRow(policy=policy, target=target_of(getattr(policy, level)))
