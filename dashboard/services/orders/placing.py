"""From an order to an operation: a draft by a dry run, else asked for at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import checkpoints
from dashboard.models import Operation, OperationKind, OperationState, User
from dashboard.services import operations
from dashboard.services.operations.errors import PlanMismatch, ReasonMissing
from dashboard.services.operations.undoing import preview_undo
from dashboard.services.orders.keys import Key, claim_key
from dashboard.services.orders.kinds import Order, UndoOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an order is placed: only tried (``dry_run``), or confirmed at once, and why.

    ``plan_hash`` is that of a plan seen before, where there was one: any other is refused.
    """

    dry_run: bool = False
    reason: str = ""
    typed: str = ""
    plan_hash: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """An operation, whether it was made now and not by an earlier equal request, and is kept."""

    operation: Operation
    is_new: bool
    is_kept: bool = True


def place_order(
    *, user: User, order: Order | UndoOrder, terms: Terms, key: Key, now: datetime
) -> Placed:
    """Place an order once.

    Raises NotFound, Forbidden, OrderInvalid, or OperationRefused: KeyReused when the key came with
    another content before.
    """
    if not (terms.dry_run or terms.reason.strip()):
        raise ReasonMissing("Say why: a reason is required. Nothing was asked for.")
    claim_key(user=user, key=key, now=now)
    asked = Operation.objects.filter(requested_by=user, idempotency_key=key.name)
    is_new = not asked.exists()
    if isinstance(order, UndoOrder) and terms.dry_run:
        return Placed(_unkept_undo(user, order, now), is_new=True, is_kept=False)
    if isinstance(order, UndoOrder):
        return Placed(_undo(user, order, terms, key, now), is_new)
    draft = order.draft(user=user, idempotency_key=key.name, now=now)
    return Placed(draft if terms.dry_run else _confirm(user, draft, terms, now), is_new)


def _confirm(user: User, draft: Operation, terms: Terms, now: datetime) -> Operation:
    if terms.plan_hash not in ("", draft.plan_hash):
        raise PlanMismatch(
            "What it would do is not what the plan with this hash says; nothing was asked for. "
            "Make a dry run again."
        )
    return operations.confirm(
        user=user,
        operation_id=draft.pk,
        plan_hash=draft.plan_hash,
        reason=terms.reason,
        typed=terms.typed,
        now=now,
    )


def _undo(user: User, order: UndoOrder, terms: Terms, key: Key, now: datetime) -> Operation:
    return operations.request_undo(
        user=user,
        operation_id=order.operation,
        reason=terms.reason,
        idempotency_key=key.name,
        plan_hash=terms.plan_hash,
        now=now,
    )


def _unkept_undo(user: User, order: UndoOrder, now: datetime) -> Operation:
    """Return what an undo would be as a row that is in no table: kept, it would bar all others."""
    plan = preview_undo(user=user, operation_id=order.operation)
    first = operations.find_operation(user=user, operation_id=order.operation)
    head = plan.expected_head if isinstance(plan, checkpoints.RestorePlan) else ""
    return Operation(
        kind=OperationKind.UNDO,
        state=OperationState.DRAFT,
        source=first.source,
        agent=first.agent,
        thread=first.thread,
        target_id=first.previous_head_id,
        previous_head_id=head or "",
        requested_by=user,
        plan=plan.to_dict(),
        plan_hash=plan.digest(),
        follow_live=True,
        undo_of=first,
        created_at=now,
    )
