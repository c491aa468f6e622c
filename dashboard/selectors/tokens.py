"""API tokens: one's own, and those of others in projects that one administers."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.access import projects, require, visible
from dashboard.models import ApiToken, Project, User

SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensPage:
    """Tokens, newest first; revoked ones stay in the list. ``projects`` are those to choose from.

    ``may_operate`` says that one may make tokens that push and operate somewhere.
    """

    own: tuple[ApiToken, ...]
    others: tuple[ApiToken, ...]
    projects: tuple[Project, ...]
    may_operate: bool


def tokens_page(*, user: User) -> TokensPage:
    """Return the tokens that a person may end, in a constant number of queries."""
    require(user, "read")
    rows = ApiToken.objects.select_related("created_by", "project").order_by("-created_at", "-pk")
    others = visible(user, rows.exclude(created_by=user), right="admin")
    return TokensPage(
        own=tuple(rows.filter(created_by=user)[:SHOWN]),
        others=tuple(others[:SHOWN]),
        projects=tuple(projects(user).order_by("name")),
        may_operate=projects(user, "operate").exists(),
    )
