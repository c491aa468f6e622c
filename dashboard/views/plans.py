"""A plan as people read it: how much goes and stays, out of which threads, and why.

What a page holds is bounded, however large the plan is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import checkpoints
from checkpoints.presentation import summarised
from dashboard.services.operations import parts
from dashboard.services.operations.plans import (
    BatchesPlan,
    ErasePlan,
    PrunePart,
    PrunePlan,
    VerifyPlan,
    read_plan,
)

_RANKED = re.compile(r"\b[\d,]+ of the (newest|last) ")
_DATED = re.compile(r"newest of [^,]+, (\w+) \d+ of (\d+)")
THREADS_SHOWN = 50
REASONS_SHOWN = 8
NOTES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some checkpoints go or stay."""

    text: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadLine:
    """What happens to one thread: ``first`` and ``last`` are the oldest and newest that go."""

    name: str
    goes: int
    stays: int | None = None
    stored_bytes: int | None = None
    first: str = ""
    last: str = ""
    whole: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPlan:
    """A plan for its page. ``look`` names the part that shows it, ``plan`` is the whole of it.

    ``goes`` and ``stays`` count checkpoints, ``because`` and ``kept_because`` say why, the most
    frequent reason first.
    """

    look: str
    plan: Any
    goes: int = 0
    stays: int | None = None
    stored_bytes: int | None = None
    threads: tuple[ThreadLine, ...] = ()
    threads_in_all: int = 0
    because: tuple[Reason, ...] = ()
    kept_because: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def more_threads(self) -> int:
        """How many threads are not shown."""
        return self.threads_in_all - len(self.threads)

    @property
    def edits(self) -> tuple[checkpoints.Edit, ...]:
        """The edits of a fork; nothing else has any."""
        return self.plan.edits if isinstance(self.plan, checkpoints.ForkPlan) else ()

    @property
    def rerun_summary(self) -> str:
        """The steps that the next run takes again, in few words."""
        return summarised(self.plan.rerun_steps)


def shown_plan(operation: Any) -> ShownPlan:
    """Return an operation's plan for its page. Raises OperationRefused when it was altered."""
    plan = read_plan(operation)
    if isinstance(plan, PrunePlan):
        return _prune(plan)
    if isinstance(plan, ErasePlan):
        return _erase(plan)
    if isinstance(plan, BatchesPlan):
        return _batches(plan)
    if isinstance(plan, VerifyPlan):
        return ShownPlan(look="verify", plan=plan)
    if isinstance(plan, checkpoints.ForkPlan):
        return ShownPlan(look="fork", plan=plan, notes=plan.warnings)
    return ShownPlan(look="restore", plan=plan, notes=getattr(plan, "warnings", ()))


def _prune(plan: PrunePlan) -> ShownPlan:
    going = [part for part in plan.parts if part.prune.remove]
    return ShownPlan(
        look="prune",
        plan=plan,
        goes=plan.doomed,
        stays=plan.kept,
        stored_bytes=plan.removed_bytes,
        threads=tuple(_pruned(part) for part in going[:THREADS_SHOWN]),
        threads_in_all=len(going),
        because=_reasons(d.reason for part in plan.parts for d in part.prune.remove),
        kept_because=_reasons(k.reason for part in plan.parts for k in part.prune.keep),
        notes=_notes(note for part in plan.parts for note in part.prune.notes),
    )


def _pruned(part: PrunePart) -> ThreadLine:
    prune = part.prune
    return ThreadLine(
        name=parts.thread_label(prune.agent_id, prune.thread_id),
        goes=len(prune.remove),
        stays=len(prune.keep),
        stored_bytes=prune.removed_bytes,
        first=prune.remove[-1].checkpoint_id,
        last=prune.remove[0].checkpoint_id,
        notes=prune.notes[:NOTES_SHOWN],
    )


def _erase(plan: ErasePlan) -> ShownPlan:
    return ShownPlan(
        look="erase",
        plan=plan,
        goes=plan.doomed,
        threads=tuple(_erased(one) for one in plan.threads[:THREADS_SHOWN]),
        threads_in_all=len(plan.threads),
    )


def _erased(one: checkpoints.ThreadErasure) -> ThreadLine:
    ids = [target.checkpoint_id for target in one.targets]
    return ThreadLine(
        name=parts.thread_label(one.agent_id, one.thread_id),
        goes=len(ids),
        whole=one.whole,
        first=_end(ids[-1:]),
        last=_end(ids[:1]),
    )


def _batches(plan: BatchesPlan) -> ShownPlan:
    return ShownPlan(
        look="batches",
        plan=plan,
        goes=sum(len(batch.checkpoint_ids) for batch in plan.batches),
        threads=tuple(
            ThreadLine(
                name=parts.thread_label(batch.agent_id, batch.thread_id),
                goes=len(batch.checkpoint_ids),
                first=_end(batch.checkpoint_ids[-1:]),
                last=_end(batch.checkpoint_ids[:1]),
            )
            for batch in plan.batches[:THREADS_SHOWN]
        ),
        threads_in_all=len(plan.batches),
    )


def _end(ids: Sequence[str]) -> str:
    return ids[0] if ids else ""


def _reasons(reasons: Iterable[str]) -> tuple[Reason, ...]:
    """Return the most frequent reasons, each without its rank, and how many others there are."""
    counted = Counter(_RANKED.sub(r"among the \1 ", _DATED.sub(_one_of, one)) for one in reasons)
    shown = [Reason(text, count) for text, count in counted.most_common(REASONS_SHOWN)]
    rest = counted.total() - sum(reason.count for reason in shown)
    return (*shown, Reason("other reasons", rest)) if rest else tuple(shown)


def _one_of(found: re.Match[str]) -> str:
    return f"newest of one of the last {found[2]} {found[1]}s"


def _notes(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))[:NOTES_SHOWN]
