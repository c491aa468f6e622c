"""The audit log: who did what, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from dashboard.access import Forbidden, projects
from dashboard.chains import Link
from dashboard.models import AuditEvent, Project, User
from dashboard.selectors.keyset import Order, page_after

NEWEST = Order(field="sequence", kind=int)
CHUNK = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What the log is narrowed to; empty means everything. ``until`` is not included."""

    person: str = ""
    action: str = ""
    project_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        given = (self.person, self.action, self.project_id, self.since, self.until)
        return any(value for value in given)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """A page of events. ``whole`` says that nobody's are kept from the reader."""

    rows: tuple[AuditEvent, ...]
    next_key: str
    filter: AuditFilter
    projects: tuple[Project, ...]
    whole: bool


def audit_page(*, user: User, wanted: AuditFilter, after: str = "") -> AuditPage:
    """Return a page of the events that ``user`` may see. Raises Forbidden, NotFound."""
    found = page_after(_narrowed(_readable(user), wanted), NEWEST, after)
    return AuditPage(
        rows=found.rows,
        next_key=found.next_key,
        filter=wanted,
        projects=tuple(projects(user, "admin", scope="read").order_by("name")),
        whole=_sees_all(user),
    )


def audit_links(*, user: User, wanted: AuditFilter) -> Iterator[Link]:
    """Yield the events that ``user`` may see, the oldest first. Raises Forbidden."""
    rows = _narrowed(_readable(user), wanted).order_by("sequence")
    return (event.link() for event in rows.iterator(chunk_size=CHUNK))


def _sees_all(user: User) -> bool:
    return user.is_superuser and user.through is None


def _readable(user: User) -> QuerySet[AuditEvent]:
    """Return what one may see: an administrator of a project its events, a superuser all."""
    administered = projects(user, "admin", scope="read")
    if not _sees_all(user) and not administered.exists():
        raise Forbidden(
            "Only an administrator of a project may read its audit log; nothing was read."
        )
    rows = AuditEvent.objects.select_related("project")
    return rows if _sees_all(user) else rows.filter(project__in=administered)


def _narrowed(rows: QuerySet[AuditEvent], wanted: AuditFilter) -> QuerySet[AuditEvent]:
    if wanted.person:
        rows = rows.filter(Q(actor=wanted.person) | Q(user__username=wanted.person))
    if wanted.action:
        rows = rows.filter(action__startswith=wanted.action)
    if wanted.project_id:
        rows = rows.filter(project=wanted.project_id)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    return rows.filter(at__lt=wanted.until) if wanted.until else rows
