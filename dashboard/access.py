"""Who may do what: roles in projects, narrowed by the token through which somebody acts.

Selectors start from :func:`visible`, services from :func:`require`. Rows of a project that
somebody may not read are hidden (404); what their role is too small for is forbidden (403).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, TypeVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404

from dashboard.models import Project, Role, User

Right = Literal["read", "operate", "admin"]
Row = TypeVar("Row", bound=Model)
Somebody = User | AnonymousUser

ROLES: dict[str, tuple[Role, ...]] = {
    "read": (Role.VIEWER, Role.OPERATOR, Role.ADMIN),
    "operate": (Role.OPERATOR, Role.ADMIN),
    "admin": (Role.ADMIN,),
}
SCOPES: dict[str, tuple[str, ...]] = {"read": ("read", "operate"), "operate": ("operate",)}
"""By which scopes of a token a right can be used; nobody administers through a token."""

_REFUSALS: dict[str, str] = {
    "read": "You belong to no project yet; nothing was read. Ask an administrator to add you.",
    "operate": (
        "This needs the role operator in the project; nothing was changed. Ask an administrator of "
        "it to do this or to make you one."
    ),
    "admin": (
        "Only an administrator may do this; nothing was changed. Ask one to do it or to make "
        "you one."
    ),
}


class Forbidden(PermissionDenied):
    """This person may not do this. Nothing was read or changed."""


class Hidden(Http404):
    """This person may not know of this. It is answered as if there were nothing."""


class LoginTooOld(Forbidden):
    """Somebody who logged in long ago must say once more who they are. Nothing was changed."""


def projects(user: Somebody, right: Right = "read", *, scope: str = "") -> QuerySet[Project]:
    """Return the projects in which ``user`` has ``right``.

    ``scope`` names the one that a token needs where that is not the right's own: reading what only
    administrators see takes their role, but no more than the scope read.
    """
    rows = Project.objects.all()
    if not isinstance(user, User) or not user.is_active:
        return rows.none()
    if not user.is_superuser:
        rows = rows.filter(memberships__user=user, memberships__role__in=ROLES[right])
    return _narrowed(user, rows, scope or right)


def _narrowed(user: User, rows: QuerySet[Project], right: str) -> QuerySet[Project]:
    token = user.through
    if token is None:
        return rows
    usable = any(scope in token.scopes for scope in SCOPES.get(right, ()))
    return rows.filter(pk__in=[token.project_id]) if usable else rows.none()


def may(user: Somebody, right: Right, project: Project | int | None = None) -> bool:
    """Say whether ``user`` has ``right`` in a project, or in at least one."""
    rows = projects(user, right)
    return (rows if project is None else rows.filter(pk=_pk(project))).exists()


def require(user: Somebody, right: Right, project: Project | int | None = None) -> None:
    """Return when ``user`` has ``right`` in ``project`` (None: in at least one).

    Raises Hidden when they may not even read that project, Forbidden when the right is missing.
    """
    if not user.is_authenticated or not user.is_active:
        raise Forbidden("Log in first; nothing was read or changed.")
    if may(user, right, project):
        return
    if project is not None and not may(user, "read", project):
        raise Hidden("There is nothing here that you may see. Look for it in the lists.")
    raise Forbidden(_REFUSALS[right])


def visible(
    user: Somebody, rows: QuerySet[Row], path: str = "project", *, right: Right = "read"
) -> QuerySet[Row]:
    """Return the rows whose project, which lies at ``path``, gives ``user`` the right."""
    if isinstance(user, User) and user.is_active and user.is_superuser and user.through is None:
        return rows
    return rows.filter(**{f"{path}__in": projects(user, right)})


def recent_login(user: Somebody, now: datetime) -> bool:
    """Say whether ``user`` proved who they are a short time ago.

    A token stands for the login of who made it: one that may operate is made after a recent one.
    """
    if not isinstance(user, User):
        return False
    if user.through is not None:
        return True
    lifetime = timedelta(minutes=settings.HOLDFAST_RECENT_LOGIN_MINUTES)
    return user.authenticated_at is not None and now - user.authenticated_at < lifetime


def require_recent_login(user: Somebody, now: datetime) -> None:
    """Return when ``user`` logged in a short time ago. Raises LoginTooOld."""
    if not recent_login(user, now):
        raise LoginTooOld(
            f"You logged in more than {settings.HOLDFAST_RECENT_LOGIN_MINUTES} minutes ago; "
            "nothing was changed. Confirm that it is you and do it once more."
        )


def _pk(project: Project | int) -> int:
    return project.pk if isinstance(project, Project) else project
