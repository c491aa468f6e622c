"""The steps of an operation, written before the first of them runs.

Their ids, and the ids of what they will write, are chosen here once; every later attempt finds
them again and so can see in the store what an earlier one has done.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from dashboard.models import OperationStep
from dashboard.services.operations.claims import Claim, FenceLost


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step before it is journalled."""

    action: str
    written_ids: tuple[str, ...] = ()


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
            )
            for position, step in enumerate(steps)
        )


def forget_steps(claim: Claim) -> None:
    """Take the journal back, none of whose steps has had an effect. Raises FenceLost."""
    with transaction.atomic():
        _lock(claim)
        OperationStep.objects.filter(operation=claim.operation, done_at=None).delete()


def mark_done(claim: Claim, step: OperationStep, now: datetime) -> None:
    """Note that a step's effect has been seen in the store. Raises FenceLost."""
    with transaction.atomic():
        _lock(claim)
        OperationStep.objects.filter(pk=step.pk).update(done_at=now)


def _lock(claim: Claim) -> None:
    """Keep newer claims out until the transaction ends."""
    if claim.held().select_for_update().first() is None:
        raise FenceLost
