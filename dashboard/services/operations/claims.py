"""Who may carry an operation out now: a fence that only grows, a lease, and the thread's lock.

Each write below names the fence. A worker whose lease ran out and whose work another one has
claimed changes no row: it gets ``FenceLost`` and stops without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from dashboard.models import Operation, OperationLog, OperationState, ThreadLock

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5


class FenceLost(Exception):
    """Another worker has claimed the operation since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to carry an operation out until a newer claim exists."""

    operation: Operation
    fence: int
    worker: str

    def held(self) -> QuerySet[Operation]:
        """Return the operation's row if this claim is still the newest."""
        return Operation.objects.filter(
            pk=self.operation.pk, fence=self.fence, state=OperationState.RUNNING
        )


def claim(*, operation_id: UUID, worker: str, now: datetime) -> Claim | None:
    """Take a waiting or abandoned operation; ``None`` when it is neither, or its thread is busy."""
    with transaction.atomic():
        if not _waiting(operation_id, now).update(
            state=OperationState.RUNNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_until=now + LEASE,
            started_at=Coalesce("started_at", now),
        ):
            return None
        operation = _with_relations().get(pk=operation_id)
        thread_pk = operation.thread_id
        if thread_pk is not None and not _lock_thread(operation, thread_pk, operation.fence, now):
            transaction.set_rollback(True)
            return None
        _log(operation, f"Taken up by {worker}, attempt {operation.attempts}.", now)
    return Claim(operation=operation, fence=operation.fence, worker=worker)


def hold_thread(claim: Claim, thread_pk: int, now: datetime) -> bool:
    """Take the lock of one of several threads for a step; False while another operation has it.

    Raises FenceLost.
    """
    with transaction.atomic():
        write(claim, lease_until=now + LEASE)
        return _lock_thread(claim.operation, thread_pk, claim.fence, now)


def release_thread(claim: Claim, thread_pk: int) -> None:
    """Give a thread's lock back after its step."""
    ThreadLock.objects.filter(
        thread=thread_pk, operation=claim.operation, fence=claim.fence
    ).delete()


def advance(claim: Claim, *, phase: str, now: datetime, message: str) -> None:
    """Enter a phase and renew the lease. Raises FenceLost."""
    with transaction.atomic():
        renew(claim, now=now)
        write(claim, phase=phase)
        _log(claim.operation, message, now)


def renew(claim: Claim, *, now: datetime) -> None:
    """Renew the lease of an operation and of the threads that it holds. Raises FenceLost."""
    with transaction.atomic():
        write(claim, lease_until=now + LEASE)
        ThreadLock.objects.filter(operation=claim.operation, fence=claim.fence).update(
            lease_until=now + LEASE
        )


def give_back(claim: Claim, *, message: str, now: datetime, counted: bool = True) -> None:
    """Let the operation wait for its next attempt. Raises FenceLost.

    An attempt that found only other operations in its way is not ``counted``.
    """
    with transaction.atomic():
        write(
            claim,
            attempts=F("attempts") if counted else F("attempts") - 1,
            state=OperationState.QUEUED,
            phase="",
            lease_until=None,
            hinted_at=now,
            message=message,
        )
        _log(claim.operation, message, now, level="warning")


def finish(
    claim: Claim, *, state: OperationState, message: str, result: dict[str, Any], now: datetime
) -> None:
    """Write how the operation ended and free its thread. Raises FenceLost."""
    with transaction.atomic():
        write(
            claim,
            state=state,
            phase="",
            lease_until=None,
            finished_at=now,
            message=message,
            result=result,
        )
        ThreadLock.objects.filter(operation=claim.operation).delete()
        _log(claim.operation, message, now)


def write(claim: Claim, **values: Any) -> None:
    """Change the operation's row under the fence. Raises FenceLost."""
    if not claim.held().update(**values):
        raise FenceLost


def cancel_requested(claim: Claim) -> bool:
    """Return whether somebody has asked to cancel since."""
    return claim.held().filter(cancel_requested=True).exists()


def _waiting(operation_id: UUID, now: datetime) -> QuerySet[Operation]:
    abandoned = Q(state=OperationState.RUNNING, lease_until__lt=now)
    return Operation.objects.filter(Q(state=OperationState.QUEUED) | abandoned, pk=operation_id)


def _with_relations() -> QuerySet[Operation]:
    related = ("source", "agent", "thread__agent", "requested_by", "undo_of")
    return Operation.objects.select_related(*related).defer("undo_of__plan", "undo_of__result")


def _lock_thread(operation: Operation, thread_pk: int, fence: int, now: datetime) -> bool:
    """Take the thread's lock, or renew it when an earlier attempt left it.

    A lock goes with the end of its operation and never by time: until the abandoned operation
    that holds it is settled, nobody can say what the thread's head should be.
    """
    held = {"operation": operation, "fence": fence, "lease_until": now + LEASE}
    lock, created = ThreadLock.objects.get_or_create(thread_id=thread_pk, defaults=held)
    if created:
        return True
    mine = ThreadLock.objects.filter(pk=lock.pk, operation=operation)
    return bool(mine.update(fence=fence, lease_until=now + LEASE))


def _log(operation: Operation, message: str, now: datetime, level: str = "info") -> None:
    OperationLog.objects.create(operation=operation, at=now, level=level, message=message)
