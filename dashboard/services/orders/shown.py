"""An operation as programs are shown it, and its plan entry by entry."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import checkpoints
from dashboard.models import (
    Operation,
    OperationKind,
    OperationLog,
    OperationState,
    OperationStep,
    User,
)
from dashboard.selectors.errors import NotFound
from dashboard.services import operations
from dashboard.services.operations import OperationRefused
from dashboard.services.operations.confirming import name_to_type
from dashboard.services.operations.erasures import receipt_digest
from dashboard.services.operations.plans import (
    BatchesPlan,
    ErasePlan,
    Plan,
    PrunePlan,
    VerifyPlan,
    read_plan,
)
from dashboard.services.operations.undoing import why_not_undo

LOG_LINES = 500
STEPS = 100
PLAN_ENTRIES = 100
UNREADABLE = "The stored plan is not the one that was made; it will not be run."


_DETAILS: Mapping[type, tuple[str, ...]] = {
    checkpoints.RestorePlan: ("agent_id", "thread_id", "expected_head", "mode", "rerun_steps"),
    checkpoints.ForkPlan: (
        "agent_id",
        "thread_id",
        "new_agent_id",
        "new_thread_id",
        "edits",
        "copied_bytes",
        "rerun_steps",
    ),
    ErasePlan: ("scope",),
    VerifyPlan: ("deep",),
}
"""What programs are shown of a plan beside its entries."""


class PlanEntry(NamedTuple):
    """What a plan does with one checkpoint, and why."""

    action: str
    agent_id: str
    thread_id: str
    checkpoint_id: str
    namespace: str = ""
    reason: str = ""
    sha256: str | None = None
    stored_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOperation:
    """An operation with its log and steps. One that is not kept was tried only: it has no id.

    ``counts`` sum its plan up; they are empty when ``plan_damage`` says why it cannot be read.
    ``name_to_type`` must be typed to confirm it, ``undo_refused`` says why it cannot be undone.
    """

    operation: Operation
    is_kept: bool
    log: tuple[OperationLog, ...] = ()
    steps: tuple[OperationStep, ...] = ()
    steps_count: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    plan_damage: str = ""
    name_to_type: str = ""
    undo_refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPage:
    """Some of a plan's entries; ``next_after`` is None behind the last.

    ``details`` hold what else there is in a plan of its kind, ``notes`` what it warns of.
    """

    operation: Operation
    counts: Mapping[str, int]
    details: Mapping[str, Any]
    notes: tuple[str, ...]
    entries: tuple[PlanEntry, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an erasure left behind, and whether its digest still holds."""

    receipt: Mapping[str, Any]
    holds: bool


def shown(operation: Operation, *, is_kept: bool = True) -> ShownOperation:
    """Return an operation as it is now, also one that is in no table."""
    try:
        plan = read_plan(operation)
    except OperationRefused:
        return _with_progress(operation, is_kept=is_kept, plan_damage=UNREADABLE)
    draft = operation.state == OperationState.DRAFT
    typed = name_to_type(operation) if draft else ""
    return _with_progress(operation, is_kept=is_kept, counts=_counts(plan), name_to_type=typed)


def plan_page(
    operation: Operation, *, after: int = 0, action: str = "", limit: int = PLAN_ENTRIES
) -> PlanPage:
    """Return the entries of a plan behind the first ``after``. Raises OperationRefused."""
    plan = read_plan(operation)
    entries = (entry for entry in _entries(operation, plan) if action in ("", entry.action))
    found = list(itertools.islice(entries, after, after + limit + 1))
    return PlanPage(
        operation=operation,
        counts=_counts(plan),
        details=_details(plan),
        notes=tuple(_notes(plan)),
        entries=tuple(found[:limit]),
        next_after=after + limit if len(found) > limit else None,
    )


def receipt(*, user: User, operation_id: UUID) -> Receipt:
    """Return the receipt of an erasure. Raises Operation.DoesNotExist, NotFound, Hidden."""
    operation = operations.find_operation(user=user, operation_id=operation_id)
    found = operation.result.get("receipt")
    if not isinstance(found, dict):
        raise NotFound("This operation has no receipt: only an erasure leaves one, at its end.")
    return Receipt(receipt=found, holds=found.get("sha256") == receipt_digest(found))


def _with_progress(operation: Operation, *, is_kept: bool, **known: Any) -> ShownOperation:
    if not is_kept:
        return ShownOperation(operation=operation, is_kept=False, **known)
    return ShownOperation(
        operation=operation,
        is_kept=True,
        log=tuple(reversed(operation.log.order_by("-pk")[:LOG_LINES])),
        steps=tuple(operation.steps.select_related("thread__agent").order_by("position")[:STEPS]),
        steps_count=operation.steps.count(),
        undo_refused=why_not_undo(operation),
        **known,
    )


def _counts(plan: Plan) -> dict[str, int]:
    match plan:
        case checkpoints.RestorePlan():
            return {"restored": len(plan.targets), "become_branch": len(plan.superseded)}
        case checkpoints.ForkPlan():
            return {"copied": len(plan.targets), "edits": len(plan.edits)}
        case PrunePlan():
            threads, kept = len(plan.parts), plan.kept
            return {"threads": threads, "kept": kept, **_removed(plan)}
        case ErasePlan():
            return {"threads": len(plan.threads), "removed": plan.doomed}
        case BatchesPlan():
            ids = sum(len(batch.checkpoint_ids) for batch in plan.batches)
            return {"threads": len(plan.batches), "checkpoints": ids}
    return {}


def _removed(plan: PrunePlan) -> dict[str, int]:
    return {"removed": plan.doomed, "removed_bytes": plan.removed_bytes}


def _details(plan: Plan) -> dict[str, Any]:
    if isinstance(plan, PrunePlan):
        return {"planned_at": plan.planned_at.isoformat(), "policies": _policies(plan)}
    names = next((names for kind, names in _DETAILS.items() if isinstance(plan, kind)), ())
    values = plan.to_dict()
    return {name: values[name] for name in names}


def _policies(plan: PrunePlan) -> list[dict[str, Any]]:
    """Return each policy once."""
    policies: list[dict[str, Any]] = []
    for part in plan.parts:
        if part.policy is not None and dict(part.policy) not in policies:
            policies.append(dict(part.policy))
    return policies


def _notes(plan: Plan) -> Iterator[str]:
    if isinstance(plan, (checkpoints.RestorePlan, checkpoints.ForkPlan)):
        yield from plan.warnings
    if isinstance(plan, PrunePlan):
        for part in plan.parts:
            yield from (f"{part.prune.thread_id}: {note}" for note in part.prune.notes)


def _entries(operation: Operation, plan: Plan) -> Iterator[PlanEntry]:
    match plan:
        case checkpoints.RestorePlan():
            return _restored(plan)
        case checkpoints.ForkPlan():
            return _targets("copy", plan.agent_id, plan.thread_id, plan.targets)
        case PrunePlan():
            return itertools.chain.from_iterable(_pruned(part.prune) for part in plan.parts)
        case ErasePlan():
            return itertools.chain.from_iterable(
                _targets("erase", one.agent_id, one.thread_id, one.targets) for one in plan.threads
            )
        case BatchesPlan():
            return _batched("put_back" if operation.kind == OperationKind.UNDO else "purge", plan)
    return iter(())


def _restored(plan: checkpoints.RestorePlan) -> Iterator[PlanEntry]:
    yield from _targets("restore", plan.agent_id, plan.thread_id, plan.targets)
    for name in plan.superseded:
        yield PlanEntry("branch", plan.agent_id, plan.thread_id, name, reason="stays as a branch")


def _targets(
    action: str, agent_id: str, thread_id: str, targets: tuple[checkpoints.RestoreTarget, ...]
) -> Iterator[PlanEntry]:
    for one in targets:
        yield PlanEntry(
            action, agent_id, thread_id, one.checkpoint_id, one.namespace, sha256=one.sha256
        )


def _pruned(prune: checkpoints.ThreadPrune) -> Iterator[PlanEntry]:
    place = prune.agent_id, prune.thread_id
    for gone in prune.remove:
        content = gone.sha256, gone.stored_size
        yield PlanEntry("remove", *place, gone.checkpoint_id, gone.namespace, gone.reason, *content)
    for kept in prune.keep:
        yield PlanEntry("keep", *place, kept.checkpoint_id, kept.namespace, kept.reason)


def _batched(action: str, plan: BatchesPlan) -> Iterator[PlanEntry]:
    for batch in plan.batches:
        for name in batch.checkpoint_ids:
            yield PlanEntry(action, batch.agent_id, batch.thread_id, name)
