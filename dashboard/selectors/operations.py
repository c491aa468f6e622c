"""Operations: the list, and one of them while it runs and afterwards."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from uuid import UUID

from dashboard.access import require
from dashboard.formats import duration
from dashboard.models import (
    Checkpoint,
    Directive,
    Operation,
    OperationLog,
    OperationStep,
    User,
)
from dashboard.models.operations import OperationState
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import NEWEST, page_after
from dashboard.selectors.reports import open_directives

OPEN = (OperationState.QUEUED, OperationState.RUNNING)
RETRIABLE = (OperationState.FAILED, OperationState.NEEDS_ATTENTION)
CAME_TO_NOTHING = (
    OperationState.FAILED,
    OperationState.REFUSED_STALE,
    OperationState.CANCELLED,
)
PHASES = ("checking", "safety", "applying", "verifying")
LOG_LINES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsPage:
    """A page of operations, newest first, and the directives that agents have yet to answer."""

    rows: tuple[Operation, ...]
    directives: tuple[Directive, ...]
    next_key: str
    state: str
    states: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """A step on an operation's way: done, present, stopped or ahead."""

    name: str
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPage:
    """One operation with its log. ``target`` and ``previous_head`` are rows while indexed."""

    operation: Operation
    log: tuple[OperationLog, ...]
    steps: tuple[OperationStep, ...]
    phases: tuple[Phase, ...]
    target: Checkpoint | None
    previous_head: Checkpoint | None
    undone_by: Operation | None
    undo_refused: str
    cli: str

    @property
    def is_open(self) -> bool:
        """Whether it still waits or runs."""
        return self.operation.state in OPEN

    @property
    def may_undo(self) -> bool:
        """Whether an undo can be asked for."""
        return self.operation.state == OperationState.SUCCEEDED and not self.undo_refused

    @property
    def may_retry(self) -> bool:
        """Whether it can be asked for again."""
        return self.operation.state in RETRIABLE

    @property
    def took(self) -> str:
        """How long it ran, in words."""
        started, finished = self.operation.started_at, self.operation.finished_at
        return duration((finished - started).total_seconds()) if started and finished else "–"

    @property
    def done_phases(self) -> int:
        """How many of its phases are behind it."""
        return sum(phase.look == "done" for phase in self.phases)


def operations_page(*, user: User, state: str = "", after: str = "") -> OperationsPage:
    """Return a page of operations. Raises NotFound for a key that no page handed out."""
    require(user, "read")
    rows = Operation.objects.select_related("thread__agent", "source", "requested_by")
    if state:
        rows = rows.filter(state=state)
    found = page_after(rows, NEWEST, after)
    return OperationsPage(
        rows=found.rows,
        directives=open_directives(),
        next_key=found.next_key,
        state=state,
        states=tuple(OperationState.choices),
    )


def operation_page(*, user: User, operation_id: UUID) -> OperationPage:
    """Return one operation, in a constant number of queries. Raises NotFound."""
    require(user, "read")
    related = ("thread__agent__source", "requested_by", "undo_of")
    found = Operation.objects.select_related(*related).filter(pk=operation_id).first()
    if found is None:
        raise NotFound("There is no such operation. Look for it in the list of operations.")
    rows = _mentioned(found)
    undo = _undo_of(found)
    return OperationPage(
        operation=found,
        log=tuple(found.log.order_by("pk")[:LOG_LINES]),
        steps=tuple(found.steps.order_by("position")),
        phases=_phases(found),
        target=rows.get(found.target_id),
        previous_head=rows.get(found.previous_head_id),
        undone_by=undo,
        undo_refused=_why_not_undo(found, undo),
        cli=_command(found),
    )


def _undo_of(operation: Operation) -> Operation | None:
    undos = Operation.objects.filter(undo_of=operation).exclude(state__in=CAME_TO_NOTHING)
    return undos.order_by("-created_at").first()


def _why_not_undo(operation: Operation, undo: Operation | None) -> str:
    if undo is not None:
        return "An undo of it was asked for."
    if operation.state == OperationState.SUCCEEDED and not operation.previous_head_id:
        return "It cannot be undone: the thread had no head before."
    return ""


def _command(operation: Operation) -> str:
    thread = operation.thread
    words = ["holdfast", "restore", thread.agent.source.url, "--thread", thread.thread_id]
    words += ["--checkpoint", operation.target_id, "--reason", operation.reason]
    return shlex.join(words)


def _mentioned(operation: Operation) -> dict[str, Checkpoint]:
    ids = [operation.target_id, operation.previous_head_id]
    rows = Checkpoint.objects.filter(
        thread=operation.thread_id, checkpoint_id__in=ids, namespace=""
    )
    return {row.checkpoint_id: row for row in rows}


def _phases(operation: Operation) -> tuple[Phase, ...]:
    if operation.state in (OperationState.SUCCEEDED, OperationState.UNDONE):
        return tuple(Phase(name, "done") for name in PHASES)
    at = PHASES.index(operation.phase) if operation.phase in PHASES else -1
    present = "present" if operation.state in OPEN else "stopped"
    return tuple(
        Phase(name, "done" if i < at else present if i == at else "ahead")
        for i, name in enumerate(PHASES)
    )
