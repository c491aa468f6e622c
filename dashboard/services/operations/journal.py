"""The steps of an operation, written before the first of them runs.

Their ids, and the ids of what they will write, are chosen here once; every later attempt finds
them again and so can see in the store what an earlier one has done.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from dashboard.models import OperationStep
from dashboard.services.operations.claims import Claim, FenceLost


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step before it is journalled. ``thread`` is the row's number of the one that it changes."""

    action: str
    written_ids: tuple[str, ...] = ()
    thread: int | None = None


def steps_of(claim: Claim) -> list[OperationStep]:
    """Return the journalled steps in order; none before ``write_steps``."""
    return list(OperationStep.objects.filter(operation=claim.operation))


def write_steps(claim: Claim, steps: Sequence[PlannedStep]) -> list[OperationStep]:
    """Journal all steps at once. Raises FenceLost."""
    with transaction.atomic():
        _lock(claim)
        return OperationStep.objects.bulk_create(
            OperationStep(
                id=uuid.uuid5(claim.operation.pk, str(position)),
                operation=claim.operation,
                position=position,
                action=step.action,
                written_ids=list(step.written_ids),
                thread_id=step.thread,
            )
            for position, step in enumerate(steps)
        )


def forget_steps(claim: Claim) -> None:
    """Take the journal back, none of whose steps has had an effect. Raises FenceLost."""
    with transaction.atomic():
        _lock(claim)
        OperationStep.objects.filter(operation=claim.operation, done_at=None).delete()


def mark_begun(claim: Claim, step: OperationStep, now: datetime) -> None:
    """Note that from now on a step may have touched the store. Raises FenceLost."""
    with transaction.atomic():
        _lock(claim)
        OperationStep.objects.filter(pk=step.pk, begun_at=None).update(begun_at=now)
    step.begun_at = step.begun_at or now


def mark_done(
    claim: Claim,
    step: OperationStep,
    now: datetime,
    *,
    result: Mapping[str, Any],
    failure: str = "",
    book: Callable[[], None] = lambda: None,
) -> None:
    """Note that a step's effect has been seen in the store, or why it has none.

    ``book`` writes what follows from it, in the same transaction. Raises FenceLost.
    """
    with transaction.atomic():
        _lock(claim)
        book()
        OperationStep.objects.filter(pk=step.pk).update(
            done_at=now, result=dict(result), failure=failure
        )
    step.done_at, step.result, step.failure = now, dict(result), failure


def _lock(claim: Claim) -> None:
    """Keep newer claims out until the transaction ends; the plan is left unread."""
    if claim.held().select_for_update().values_list("pk").first() is None:
        raise FenceLost
