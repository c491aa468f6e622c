"""Projects: made, renamed, told whether a second person must approve."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from dashboard import access
from dashboard.models import Membership, Project, Role, User
from dashboard.services import audit

MAX_SLUG_CHARACTERS = 60


class ProjectRefused(Exception):
    """The project cannot be made or changed as asked; nothing was changed."""


def by_slug(*, user: User, slug: str) -> Project:
    """Return a project that ``user`` may read by its short name. Raises ProjectRefused."""
    found = access.projects(user).filter(slug=slug).first()
    if found is None:
        raise ProjectRefused(f"There is no project {slug!r}; nothing was done.")
    return found


def create_project(*, user: User, name: str, now: datetime) -> Project:
    """Make a project, whose first administrator is ``user``.

    Raises Forbidden for all but superusers, LoginTooOld, ProjectRefused.
    """
    if not user.is_superuser or user.through is not None:
        raise access.Forbidden(
            "Only an administrator of the whole dashboard makes projects; nothing was changed."
        )
    access.require_recent_login(user, now)
    slug = slugify(name)[:MAX_SLUG_CHARACTERS]
    if not slug:
        raise ProjectRefused("Its name needs a letter or a digit; nothing was changed.")
    try:
        with transaction.atomic():
            project = Project.objects.create(name=name.strip(), slug=slug, created_at=now)
            Membership.objects.create(project=project, user=user, role=Role.ADMIN)
            _record(user, "project.created", project, now)
    except IntegrityError as error:
        raise _taken(name) from error
    return project


def change_project(
    *, user: User, project_id: int, name: str, requires_approval: bool, now: datetime
) -> Project:
    """Rename a project, or say whether a second person must approve its operations.

    Its short name stays. Raises Hidden, Forbidden, LoginTooOld, ProjectRefused.
    """
    access.require(user, "admin", project_id)
    access.require_recent_login(user, now)
    try:
        with transaction.atomic():
            project = Project.objects.select_for_update().get(pk=project_id)
            before = (project.name, project.requires_approval)
            project.name, project.requires_approval = name.strip(), requires_approval
            if before != (project.name, project.requires_approval):
                project.save(update_fields=["name", "requires_approval"])
                _record(user, "project.changed", project, now)
    except IntegrityError as error:
        raise _taken(name) from error
    return project


def _taken(name: str) -> ProjectRefused:
    return ProjectRefused(f"There is a project called {name!r} already; nothing was changed.")


def _record(user: User, action: str, project: Project, now: datetime) -> None:
    details = {"name": project.name, "requires_approval": project.requires_approval}
    audit.record(
        user=user, action=action, target=project.slug, details=details, now=now, project=project
    )
