"""Projects and who belongs to them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Subquery

from dashboard.access import projects, require
from dashboard.models import Membership, Project, User
from dashboard.models.access import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project as one person sees it. ``role`` is theirs."""

    project: Project
    role: str
    members: int
    sources: int
    may_administer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectsPage:
    """The projects of a person by name. Only superusers make new ones."""

    rows: tuple[ProjectRow, ...]
    may_create: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersPage:
    """A project and its members by name."""

    project: Project
    members: tuple[Membership, ...]
    roles: tuple[tuple[str, str], ...]


def projects_page(*, user: User) -> ProjectsPage:
    """Return the projects that ``user`` may see, in a constant number of queries."""
    require(user, "read")
    mine = Membership.objects.filter(project=OuterRef("pk"), user=user).values("role")[:1]
    rows = projects(user).annotate(
        own_role=Subquery(mine),
        member_total=Count("memberships", distinct=True),
        source_total=Count("sources", distinct=True),
    )
    administered = set(projects(user, "admin").values_list("pk", flat=True))
    return ProjectsPage(
        rows=tuple(_row(user, project, administered) for project in rows.order_by("name", "pk")),
        may_create=user.is_superuser and user.through is None,
    )


def members_page(*, user: User, project_id: int) -> MembersPage:
    """Return a project's members. Raises Hidden, Forbidden."""
    require(user, "admin", project_id)
    members = Membership.objects.select_related("user").filter(project=project_id)
    return MembersPage(
        project=Project.objects.get(pk=project_id),
        members=tuple(members.order_by("user__username")),
        roles=tuple(Role.choices),
    )


def _row(user: User, project: Project, administered: set[int]) -> ProjectRow:
    found = vars(project)
    return ProjectRow(
        project=project,
        role="Superuser" if user.is_superuser else Role(found["own_role"]).label,
        members=found["member_total"],
        sources=found["source_total"],
        may_administer=project.pk in administered,
    )
