"""An agent's timeline: one of its threads, newest first, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

import checkpoints
from dashboard.access import visible
from dashboard.models import (
    Agent,
    Checkpoint,
    Directive,
    DriftAlert,
    Operation,
    OperationKind,
    Thread,
    User,
)
from dashboard.models.checkpoints import KINDS
from dashboard.models.operations import OPEN_STATES, OperationState
from dashboard.selectors.drift_rows import unended_alert
from dashboard.selectors.drills import AgentRecovery, recoveries
from dashboard.selectors.errors import NotFound, no_agent
from dashboard.selectors.keyset import NEWEST, page_after
from dashboard.selectors.operations import readable
from dashboard.selectors.reports import Reported, reported
from dashboard.selectors.restorability import why_source_cannot_restore

MAIN = "main"
SWITCHABLE = 100
NEWS = 100
UNDER_WAY = (OperationState.PENDING_APPROVAL, *OPEN_STATES)
RESTORING = (OperationKind.RESTORE, OperationKind.UNDO)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """What a timeline's rows are narrowed to. ``until`` is not included."""

    kind: str = ""
    status: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.kind or self.status or self.text or self.since or self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some checkpoints of a thread, newest first. ``last_pk`` is the newest row looked at."""

    thread: Thread
    rows: tuple[Checkpoint, ...]
    next_key: str
    last_pk: int
    restore_refused: str

    @property
    def head_pk(self) -> int | None:
        """The row that the next run resumes from."""
        return self.thread.head_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    """A thread of an agent, its other threads, its operations, what it reported, its rows."""

    agent: Agent
    thread: Thread
    threads: tuple[Thread, ...]
    listing: Rows
    running: tuple[Operation, ...]
    restored: Operation | None
    reported: Reported
    recovery: AgentRecovery
    drift: DriftAlert | None
    filter: RowFilter
    kinds: tuple[tuple[str, str], ...]
    whole_agent: bool

    @property
    def restored_by_agent(self) -> Directive | None:
        """The newest restore that the agent carried out itself, among the directives shown."""
        mine = (row for row in self.reported.directives if row.thread_id == self.thread.pk)
        return next((row for row in mine if row.is_applied_restore), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What came since a row. ``count`` stops at NEWS; ``moved``: the head or the rows changed."""

    thread: Thread
    last_pk: int
    count: int
    moved: bool


def find_thread(*, user: User, agent_pk: int, thread_pk: int | None = None) -> Thread:
    """Return an agent's thread: the one asked for, else its main, else its latest.

    Raises NotFound when there is none.
    """
    rows = visible(user, Thread.objects.filter(agent=agent_pk), "agent__source__project")
    rows = rows.select_related("agent__source", "head")
    if thread_pk is not None:
        rows = rows.filter(pk=thread_pk)
    latest = rows.order_by("-last_checkpoint_at", "-pk")
    found = latest.filter(thread_id=MAIN).first() or latest.first()
    if found is None:
        raise no_agent()
    return found


def timeline_page(
    *, user: User, agent_pk: int, thread_pk: int | None, wanted: RowFilter, after: str = ""
) -> TimelinePage:
    """Return a timeline, in a constant number of queries. Raises NotFound."""
    thread = find_thread(user=user, agent_pk=agent_pk, thread_pk=thread_pk)
    siblings = Thread.objects.filter(agent=thread.agent_id).order_by("-last_checkpoint_at", "-pk")
    operations = readable(user).filter(thread=thread).order_by("-created_at", "-pk")
    return TimelinePage(
        agent=thread.agent,
        thread=thread,
        threads=tuple(siblings[:SWITCHABLE]),
        listing=_listing(thread, wanted, after),
        running=tuple(operations.filter(state__in=UNDER_WAY)[:5]),
        restored=_last_restore(operations),
        drift=unended_alert(thread.agent_id),
        reported=reported(thread, whole_agent=thread_pk is None),
        recovery=recoveries([thread.agent])[thread.agent_id],
        filter=wanted,
        kinds=tuple(KINDS),
        whole_agent=thread_pk is None,
    )


def _last_restore(operations: QuerySet[Operation]) -> Operation | None:
    """Return the newest restore that stands, also one that undid another."""
    moved = operations.filter(kind__in=RESTORING).exclude(previous_head_id="")
    return moved.filter(state=OperationState.SUCCEEDED).first()


def timeline_rows(
    *, user: User, agent_pk: int, thread_pk: int, wanted: RowFilter, after: str = ""
) -> Rows:
    """Return a page of a thread's rows. Raises NotFound."""
    thread = find_thread(user=user, agent_pk=agent_pk, thread_pk=thread_pk)
    return _listing(thread, wanted, after)


def new_rows(*, user: User, agent_pk: int, thread_pk: int, since_pk: int) -> Rows:
    """Return the rows that came after the row ``since_pk``, newest first. Raises NotFound."""
    thread = find_thread(user=user, agent_pk=agent_pk, thread_pk=thread_pk)
    rows = tuple(_came_after(thread, since_pk).order_by("-created_at", "-pk")[:NEWS])
    return _rows(thread, rows, next_key="", floor=since_pk)


def news(*, user: User, agent_pk: int, thread_pk: int, since_pk: int, head_pk: int | None) -> News:
    """Count what came after the row ``since_pk`` was the newest and ``head_pk`` the head."""
    thread = find_thread(user=user, agent_pk=agent_pk, thread_pk=thread_pk)
    count = len(_came_after(thread, since_pk).values_list("pk", flat=True)[:NEWS])
    moved = bool(count) or thread.head_id != head_pk
    return News(thread=thread, last_pk=since_pk, count=count, moved=moved)


def _came_after(thread: Thread, since_pk: int) -> QuerySet[Checkpoint]:
    return Checkpoint.objects.filter(thread=thread, pk__gt=since_pk)


def _listing(thread: Thread, wanted: RowFilter, after: str) -> Rows:
    rows = _narrowed(Checkpoint.objects.filter(thread=thread), wanted)
    found = page_after(rows, NEWEST, after)
    newest = Checkpoint.objects.filter(thread=thread).order_by("-pk").values_list("pk", flat=True)
    return _rows(thread, found.rows, next_key=found.next_key, floor=newest.first() or 0)


def _rows(thread: Thread, rows: tuple[Checkpoint, ...], *, next_key: str, floor: int) -> Rows:
    return Rows(
        thread=thread,
        rows=rows,
        next_key=next_key,
        last_pk=max((floor, *(row.pk for row in rows))),
        restore_refused=why_source_cannot_restore(thread.agent.source),
    )


def _narrowed(rows: QuerySet[Checkpoint], wanted: RowFilter) -> QuerySet[Checkpoint]:
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.status:
        rows = rows.filter(_has_status(wanted.status))
    if wanted.text:
        rows = rows.filter(Q(step_name__icontains=wanted.text) | Q(checkpoint_id=wanted.text))
    if wanted.since:
        rows = rows.filter(created_at__gte=wanted.since)
    return rows.filter(created_at__lt=wanted.until) if wanted.until else rows


def _has_status(status: str) -> Q:
    if status == "damaged":
        return ~Q(damage="")
    if status not in {known.value for known in checkpoints.Status}:
        raise NotFound(f"There is no status {status!r}; open the timeline without it.")
    return Q(status=status)
