"""What agents reported besides checkpoints, and what waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F

from dashboard.access import require, visible
from dashboard.models import (
    Checkpoint,
    Directive,
    Effect,
    Failure,
    Resume,
    ResumeOutcome,
    Thread,
    User,
)
from dashboard.models.reports import OPEN_DIRECTIVES
from dashboard.selectors.errors import NotFound

SHOWN = 5
PROJECT = "thread__agent__source__project"
RESUMES_LOOKED_AT = 100
EFFECTS_SHOWN = 50
DIRECTIVES_SHOWN = 50
OPEN_FIRST = F("finished_at").desc(nulls_first=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRate:
    """How the latest resumes went. ``pending`` ones have not shown yet whether they go on."""

    succeeded: int
    failed: int
    pending: int

    @property
    def ended(self) -> int:
        """How many are settled."""
        return self.succeeded + self.failed

    @classmethod
    def of(cls, newest_first: Iterable[Resume]) -> ResumeRate:
        """Count resumes; only the newest of a thread can be pending."""
        counts = {"succeeded": 0, "failed": 0, "pending": 0}
        seen: set[int] = set()
        for row in newest_first:
            pending = row.outcome == ResumeOutcome.RESUMED and row.thread_id not in seen
            went_on = row.outcome == ResumeOutcome.SUCCEEDED
            counts["pending" if pending else "succeeded" if went_on else "failed"] += 1
            seen.add(row.thread_id)
        return cls(**counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The latest that an agent or one of its threads reported; open directives come first."""

    failures: tuple[Failure, ...]
    effects: tuple[Effect, ...]
    resumes: ResumeRate
    directives: tuple[Directive, ...]

    @property
    def waiting(self) -> tuple[Directive, ...]:
        """Directives that the agent has yet to answer."""
        return tuple(row for row in self.directives if row.is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsSince:
    """Effects after a checkpoint, newest first; ``more`` says that there are others."""

    rows: tuple[Effect, ...]
    more: bool


def reported(thread: Thread, *, whole_agent: bool) -> Reported:
    """Return what a thread reported, or all threads of its agent, in four queries."""
    about: dict[str, Any] = (
        {"thread__agent": thread.agent_id} if whole_agent else {"thread": thread.pk}
    )
    resumes = Resume.objects.filter(**about).order_by("-at", "-pk")
    directives = Directive.objects.filter(**about).select_related("requested_by", "thread__agent")
    return Reported(
        failures=_latest(Failure, about),
        effects=_latest(Effect, about),
        resumes=ResumeRate.of(resumes[:RESUMES_LOOKED_AT]),
        directives=tuple(directives.order_by(OPEN_FIRST, "-created_at", "-pk")[:SHOWN]),
    )


def effects_at(row: Checkpoint) -> tuple[Effect, ...]:
    """Return the effects while a checkpoint was the head, in their order."""
    rows = Effect.objects.filter(thread=row.thread_id, checkpoint_id=row.checkpoint_id)
    return tuple(rows.order_by("at", "pk")[:EFFECTS_SHOWN])


def effects_since(*, user: User, checkpoint: Checkpoint) -> EffectsSince:
    """Return the effects that a run which resumes from a checkpoint may have again."""
    require(user, "read", checkpoint.thread.agent.source.project_id)
    since = Effect.objects.filter(thread=checkpoint.thread_id, at__gte=checkpoint.created_at)
    rows = tuple(since.order_by("-at", "-pk")[: EFFECTS_SHOWN + 1])
    return EffectsSince(rows=rows[:EFFECTS_SHOWN], more=len(rows) > EFFECTS_SHOWN)


def open_directives(*, user: User) -> tuple[Directive, ...]:
    """Return the directives that agents have yet to answer, the oldest first."""
    rows = visible(user, Directive.objects.filter(state__in=OPEN_DIRECTIVES), PROJECT)
    related = rows.select_related("requested_by", "thread__agent")
    return tuple(related.order_by("created_at", "pk")[:DIRECTIVES_SHOWN])


def find_directive(*, user: User, directive_id: UUID) -> Directive:
    """Return a directive with its thread and agent. Raises NotFound."""
    rows = visible(user, Directive.objects.filter(pk=directive_id), PROJECT)
    found = rows.select_related("thread__agent").first()
    if found is None:
        raise NotFound("There is no such directive. Its agent's page lists those that wait.")
    return found


def _latest(model: Any, about: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(model.objects.filter(**about).order_by("-at", "-pk")[:SHOWN])
