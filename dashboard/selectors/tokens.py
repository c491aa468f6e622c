"""A person's API tokens."""

from __future__ import annotations

from dashboard.access import require
from dashboard.models import ApiToken, User


def tokens_of(*, user: User) -> tuple[ApiToken, ...]:
    """Return a person's tokens, newest first; revoked ones stay in the list."""
    require(user, "read")
    return tuple(ApiToken.objects.filter(created_by=user).order_by("-created_at", "-pk"))
