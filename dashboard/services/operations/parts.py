"""What operations over many threads have in common: one step a thread, and how they add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dashboard.models import Operation, OperationState, OperationStep, Thread

REASONS_NAMED = 3
STAYED_KEPT = 1000
"""Ids that an operation's result names as having stayed; of the others it says how many."""

ThreadName = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What the steps came to.

    ``stayed`` says why, by checkpoint; ``failures`` by thread; ``notes`` are what stores add.
    """

    done: int
    not_begun: int
    acted_on: int
    freed_bytes: int
    stayed: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything that was planned was done."""
        return not (self.stayed or self.failures or self.not_begun)

    @property
    def state(self) -> OperationState:
        """How an operation with these steps ends."""
        if self.whole:
            return OperationState.SUCCEEDED
        return OperationState.PARTIAL if self.acted_on else OperationState.FAILED

    def why_not_whole(self) -> str:
        """Say in a sentence what was not done, and why; empty when all was."""
        said = []
        if self.not_begun:
            were = "was" if self.not_begun == 1 else "were"
            said.append(f"{counted(self.not_begun, 'thread')} {were} left when it was cancelled")
        if self.stayed:
            said.append(f"{counted(len(self.stayed), 'checkpoint')} stayed: {_named(self.stayed)}")
        if self.failures:
            failed = counted(len(self.failures), "thread")
            said.append(f"in {failed} nothing was changed: {_named(self.failures)}")
        return f" {'; '.join(said)}." if said else ""

    def besides(self) -> str:
        """Say what was not done, then what the stores noted; empty when there is nothing."""
        noted = f" {'; '.join(self.notes[:REASONS_NAMED])}." if self.notes else ""
        return self.why_not_whole() + noted

    def to_result(self) -> dict[str, Any]:
        """Return it for the operation's row."""
        shown = dict(list(self.stayed.items())[:STAYED_KEPT])
        return {
            "acted_on": self.acted_on,
            "freed_bytes": self.freed_bytes,
            "stayed": shown,
            "stayed_count": len(self.stayed),
            "failures": dict(self.failures),
        }


def sum_of(steps: Sequence[OperationStep], *, counted_as: str) -> Sum:
    """Add steps up; ``counted_as`` names the list of ids in their results that were acted on."""
    stayed: dict[str, str] = {}
    for step in steps:
        stayed |= step.result.get("stayed", {})
    return Sum(
        done=sum(step.done_at is not None for step in steps),
        not_begun=sum(step.done_at is None for step in steps),
        acted_on=sum(len(step.result.get(counted_as, ())) for step in steps),
        freed_bytes=sum(step.result.get("freed_bytes", 0) for step in steps),
        stayed=stayed,
        failures={step.action: step.failure for step in steps if step.failure},
        notes=_distinct(note for step in steps for note in step.result.get("notes", ())),
    )


def _distinct(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))


def thread_rows(operation: Operation, names: Iterable[ThreadName]) -> dict[ThreadName, int]:
    """Return the numbers of the rows of a source's threads, by agent and thread."""
    wanted = set(names)
    rows = Thread.objects.filter(agent__source=operation.source_id)
    found = rows.values_list("agent__agent_id", "thread_id", "pk")
    return {(agent, thread): pk for agent, thread, pk in found if (agent, thread) in wanted}


def thread_label(agent_id: str, thread_id: str) -> str:
    """Return a thread's name for a log line."""
    return agent_id if thread_id == "main" else f"{agent_id} / {thread_id}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 thread``, ``2,000 threads``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def as_time(value: str) -> datetime:
    """Read a time out of a step's result."""
    return datetime.fromisoformat(value)


def _named(reasons: Mapping[str, str]) -> str:
    said = list(dict.fromkeys(reasons.values()))
    more = f" and {len(said) - REASONS_NAMED} other reasons" if len(said) > REASONS_NAMED else ""
    return ", ".join(said[:REASONS_NAMED]) + more
