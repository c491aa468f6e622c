"""Operations as programs list them: narrowed by several fields, and without what is large."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from dashboard.access import require, visible
from dashboard.models import Operation, OperationState, User
from dashboard.selectors.keyset import NEWEST, Slice, page_after

RELATED = ("source", "agent", "thread__agent", "requested_by", "approved_by")
LARGE = ("plan", "result")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsWanted:
    """What the list is narrowed to; empty and None mean everything."""

    state: str = ""
    kind: str = ""
    source: int | None = None
    agent: int | None = None


def list_operations(
    *, user: User, wanted: OperationsWanted, after: str = "", size: int = 100
) -> Slice[Operation]:
    """Return a page of operations, newest first; drafts to who made them alone.

    Raises NotFound for a key that no page handed out.
    """
    require(user, "read")
    return page_after(_narrowed(_readable(user), wanted), NEWEST, after, size=size)


def _readable(user: User) -> QuerySet[Operation]:
    others_drafts = Q(state=OperationState.DRAFT) & ~Q(requested_by=user.pk)
    rows = visible(user, Operation.objects.select_related(*RELATED), "source__project")
    return rows.exclude(others_drafts).defer(*LARGE)


def _narrowed(rows: QuerySet[Operation], wanted: OperationsWanted) -> QuerySet[Operation]:
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.source is not None:
        rows = rows.filter(source=wanted.source)
    if wanted.agent is not None:
        rows = rows.filter(Q(agent=wanted.agent) | Q(thread__agent=wanted.agent))
    return rows
