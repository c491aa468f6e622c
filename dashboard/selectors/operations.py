"""Operations: the list, and one of them while it runs and afterwards.

A plan and a result may hold 100,000 entries, so that no list reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from dashboard.access import require, visible
from dashboard.formats import duration
from dashboard.models import (
    Checkpoint,
    Directive,
    Operation,
    OperationKind,
    OperationLog,
    OperationStep,
    Thread,
    TrashedBatch,
    User,
)
from dashboard.models.operations import CAME_TO_NOTHING, OPEN_STATES, OperationState
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import NEWEST, page_after
from dashboard.selectors.reports import open_directives

PROJECT = "source__project"
TO_SEE = (
    OperationState.NEEDS_ATTENTION,
    OperationState.SUPERSEDED,
    OperationState.PARTIAL,
)
"""Ends that call somebody until one of them says that it was seen."""
WORTH_ANOTHER = (
    OperationState.SUPERSEDED,
    OperationState.REFUSED_STALE,
    OperationState.CANCELLED,
)
LARGE = ("plan", "result")
LARGE_OF_UNDONE = tuple(f"undo_of__{name}" for name in LARGE)
RELATED = ("source__project", "agent", "thread__agent", "requested_by", "undo_of")
PHASES = ("checking", "safety", "applying", "verifying")
FORKS = (OperationKind.FORK, OperationKind.EDIT_FORK)
LOG_LINES = 200
"""The last lines; an operation over many threads writes one for each."""
STEPS_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFilter:
    """What the list is narrowed to."""

    state: str = ""
    kind: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.state or self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsPage:
    """A page of operations, newest first, and the directives that agents have yet to answer."""

    rows: tuple[Operation, ...]
    directives: tuple[Directive, ...]
    next_key: str
    filter: OperationFilter
    states: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """A step on an operation's way: done, present, stopped or ahead."""

    name: str
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCount:
    """How many steps an operation has, has behind it, and could not take."""

    all: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStatus:
    """How far an operation is, without its plan and, while it runs, without its result.

    ``again_pk`` is the checkpoint of a restore that came to no good, to be restored again.
    ``thread`` is the one to look at next: of a fork, the thread that it made.
    """

    operation: Operation
    log: tuple[OperationLog, ...]
    phases: tuple[Phase, ...]
    steps: StepCount
    undone_by: Operation | None
    again_pk: int | None = None
    thread: Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for a worker or runs."""
        return self.operation.state in OPEN_STATES

    @property
    def to_see(self) -> bool:
        """Whether it calls somebody until one says that it was seen."""
        return self.operation.state in TO_SEE and self.operation.seen_at is None

    @property
    def took(self) -> str:
        """How long it ran, in words."""
        started, finished = self.operation.started_at, self.operation.finished_at
        return duration((finished - started).total_seconds()) if started and finished else "–"

    @property
    def progress(self) -> tuple[int, int]:
        """What is behind it and what there is: steps over several threads, else phases."""
        if self.steps.all > 1:
            return self.steps.done, self.steps.all
        return sum(phase.look == "done" for phase in self.phases), len(self.phases)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsPage:
    """Some of an operation's steps in their order; ``next_after`` is None behind the last."""

    rows: tuple[OperationStep, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPage:
    """One operation with its plan. ``target`` and ``previous_head`` are rows while indexed."""

    status: OperationStatus
    steps: StepsPage
    target: Checkpoint | None
    previous_head: Checkpoint | None
    batches: tuple[TrashedBatch, ...]

    @property
    def operation(self) -> Operation:
        """The row."""
        return self.status.operation


def operations_page(
    *, user: User, wanted: OperationFilter | None = None, after: str = ""
) -> OperationsPage:
    """Return a page of operations. Raises NotFound for a key that no page handed out."""
    require(user, "read")
    wanted = wanted or OperationFilter()
    rows = readable(user)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    found = page_after(rows, NEWEST, after)
    return OperationsPage(
        rows=found.rows,
        directives=open_directives(user=user),
        next_key=found.next_key,
        filter=wanted,
        states=tuple(OperationState.choices),
        kinds=tuple(OperationKind.choices),
    )


def readable(user: User) -> QuerySet[Operation]:
    """Return the operations that ``user`` may read, without what is large in them.

    A draft is listed for who made it alone.
    """
    others_drafts = Q(state=OperationState.DRAFT) & ~Q(requested_by=user.pk)
    rows = visible(user, Operation.objects.select_related(*RELATED), PROJECT)
    return rows.exclude(others_drafts).defer(*LARGE, *LARGE_OF_UNDONE)


def operation_status(*, user: User, operation_id: UUID) -> OperationStatus:
    """Return how far an operation is, in a constant number of queries. Raises NotFound."""
    return _status(_find(user, operation_id))


def operation_page(*, user: User, operation_id: UUID) -> OperationPage:
    """Return one operation, in a constant number of queries. Raises NotFound."""
    found = _find(user, operation_id)
    rows = _mentioned(found)
    return OperationPage(
        status=_status(found),
        steps=_steps(found, after=-1),
        target=rows.get(found.target_id),
        previous_head=rows.get(found.previous_head_id),
        batches=_batches(found),
    )


def operation_steps(*, user: User, operation_id: UUID, after: int) -> StepsPage:
    """Return the steps behind the one at position ``after``. Raises NotFound."""
    return _steps(_find(user, operation_id), after=after)


def _find(user: User, operation_id: UUID) -> Operation:
    require(user, "read")
    rows = visible(user, Operation.objects.select_related(*RELATED, "approved_by"), PROJECT)
    found = rows.defer(*LARGE, *LARGE_OF_UNDONE).filter(pk=operation_id).first()
    if found is None:
        raise NotFound("There is no such operation. Look for it in the list of operations.")
    return found


def _status(found: Operation) -> OperationStatus:
    return OperationStatus(
        operation=found,
        log=tuple(reversed(found.log.order_by("-pk")[:LOG_LINES])),
        phases=_phases(found),
        steps=_count(found),
        undone_by=_undo_of(found),
        again_pk=_again(found),
        thread=_led_to(found),
    )


def _led_to(found: Operation) -> Thread | None:
    if found.kind not in FORKS or found.finished_at is None:
        return found.thread
    made = Thread.objects.filter(
        agent__source=found.source_id,
        agent__agent_id=found.result.get("agent_id", ""),
        thread_id=found.result.get("thread_id", ""),
    )
    return made.select_related("agent").first() or found.thread


def _again(found: Operation) -> int | None:
    if found.kind != OperationKind.RESTORE or found.state not in WORTH_ANOTHER:
        return None
    target = _mentioned(found).get(found.target_id)
    return target.pk if target is not None and target.removed_at is None else None


def _count(found: Operation) -> StepCount:
    counts = found.steps.aggregate(
        all=Count("pk"),
        done=Count("pk", filter=Q(done_at__isnull=False)),
        failed=Count("pk", filter=~Q(failure="")),
    )
    return StepCount(**counts)


def _steps(found: Operation, *, after: int) -> StepsPage:
    rows = found.steps.select_related("thread__agent").defer("result", "written_ids")
    rows = rows.filter(position__gt=after)
    shown = tuple(rows.order_by("position")[: STEPS_SHOWN + 1])
    more = len(shown) > STEPS_SHOWN
    shown = shown[:STEPS_SHOWN]
    return StepsPage(rows=shown, next_after=shown[-1].position if more else None)


def _batches(found: Operation) -> tuple[TrashedBatch, ...]:
    """Return the first threads out of which a prune moved something, as they are now."""
    if found.kind != OperationKind.PRUNE:
        return ()
    rows = found.batches.select_related("thread__agent").defer("checkpoint_ids")
    return tuple(rows.order_by("pk")[:STEPS_SHOWN])


def _undo_of(operation: Operation) -> Operation | None:
    undos = Operation.objects.filter(undo_of=operation).exclude(state__in=CAME_TO_NOTHING)
    return undos.defer(*LARGE).order_by("-created_at").first()


def _mentioned(operation: Operation) -> dict[str, Checkpoint]:
    ids = [name for name in (operation.target_id, operation.previous_head_id) if name]
    if operation.thread_id is None or not ids:
        return {}
    rows = Checkpoint.objects.filter(
        thread=operation.thread_id, checkpoint_id__in=ids, namespace=""
    )
    return {row.checkpoint_id: row for row in rows}


def _phases(operation: Operation) -> tuple[Phase, ...]:
    if operation.state in (
        OperationState.SUCCEEDED,
        OperationState.SUPERSEDED,
        OperationState.PARTIAL,
        OperationState.UNDOING,
        OperationState.UNDONE,
    ):
        return tuple(Phase(name, "done") for name in PHASES)
    if not operation.phase and operation.finished_at:
        return ()
    at = PHASES.index(operation.phase) if operation.phase in PHASES else -1
    present = "present" if operation.state in OPEN_STATES else "stopped"
    return tuple(
        Phase(name, "done" if i < at else present if i == at else "ahead")
        for i, name in enumerate(PHASES)
    )
