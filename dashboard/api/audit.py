"""The audit log: who did what, and whether the record is whole."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import AfterValidator, AwareDatetime, Field

from dashboard.api.access import READ, ApiRequest
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.selectors.audit import AuditFilter, audit_page
from dashboard.services import audit

router = Router(tags=["audit"], auth=READ)
ProjectNumber = Annotated[int | None, Query(ge=1, le=MAX_INTEGER)]
FIRST_YEAR, LAST_YEAR = 1970, 9998


def _comparable(time: datetime) -> datetime:
    """Return a time that every database can compare with. Raises ValueError."""
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(f"must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return time


Time = Annotated[Annotated[AwareDatetime, AfterValidator(_comparable)] | None, Query()]


class EventOut(Schema):
    """What somebody did. ``hash`` covers all other fields, ``previous`` is that of the last one."""

    sequence: int
    at: datetime
    user: int | None = Field(validation_alias="user_id")
    actor: str
    action: str
    target: str
    project: int | None = Field(validation_alias="project_id")
    details: dict[str, Any]
    previous: str
    hash: str


class EventsOut(Schema):
    """A page of events, the newest first; ``next`` asks for the page after it."""

    items: list[EventOut]
    next: str | None


class FindingOut(Schema):
    """Something wrong in the log; ``sequence`` is where."""

    kind: str
    sequence: int
    message: str


class VerificationOut(Schema):
    """What a check of the log found. ``hash`` is the last event's: note it elsewhere."""

    holds: bool
    at: datetime
    events: int
    hash: str
    findings: list[FindingOut]


@router.get("/audit", response={200: EventsOut}, summary="Read the audit log")
def list_events(
    request: ApiRequest,
    person: str = "",
    action: str = "",
    project: ProjectNumber = None,
    since: Time = None,
    until: Time = None,
    after: str = "",
) -> dict[str, Any]:
    """List events of the projects that you administer, the newest first, 100 at a time.

    `action` is a name or how it begins, such as `operation.`; `since` and `until` are times with
    their offset, and `until` is not included. What concerns the whole installation is shown to
    superusers alone.
    """
    wanted = AuditFilter(person=person, action=action, project_id=project, since=since, until=until)
    page = audit_page(user=request.auth.user, wanted=wanted, after=after)
    return {"items": page.rows, "next": page.next_key or None}


@router.get("/audit/verify", response={200: VerificationOut}, summary="Check the audit log")
def verify_audit(request: ApiRequest) -> Any:
    """Read the whole log and name each event that was edited, removed, moved or put in.

    It answers 200 whatever it finds: `holds` says whether all is well.
    """
    return audit.check(user=request.auth.user, now=timezone.now())
