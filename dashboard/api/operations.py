"""Operations: dry runs, orders, and everything that is done about one of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from django.utils import timezone
from ninja import Body, Header, Query, Router, Status

from dashboard.api.access import OPERATE, READ, ApiRequest
from dashboard.api.answers import operation_answer, ordered_answer, plan_answer
from dashboard.api.operation_schemas import (
    MAX_INTEGER,
    AnyOrderIn,
    ApproveIn,
    ConfirmationIn,
    OperationOut,
    OperationsOut,
    OrderedOut,
    PlanOut,
    ReceiptOut,
    UndoOfIn,
)
from dashboard.selectors.operation_lists import OperationsWanted, list_operations
from dashboard.services import operations as service
from dashboard.services import orders
from dashboard.services.operations.impacts import impact_of_restore

router = Router(tags=["operations"])
KeyHeader = Annotated[str, Header(alias="Idempotency-Key", max_length=1000)]
Place = Annotated[int, Query(ge=0, le=10**9)]
Limit = Annotated[int, Query(ge=1, le=1000)]
RowNumber = Annotated[int | None, Query(ge=1, le=MAX_INTEGER)]


@router.get("/operations", auth=READ, response={200: OperationsOut}, summary="List operations")
def list_all_operations(
    request: ApiRequest,
    state: str = "",
    kind: str = "",
    source: RowNumber = None,
    agent: RowNumber = None,
    after: str = "",
) -> dict[str, Any]:
    """List operations that you may see, the newest first, 100 at a time.

    Drafts are listed for who made them alone. `source` and `agent` are numbers as they stand in
    other answers.
    """
    wanted = OperationsWanted(state=state, kind=kind, source=source, agent=agent)
    page = list_operations(user=request.auth.user, wanted=wanted, after=after)
    return {"items": page.rows, "next": page.next_key or None}


@router.post(
    "/operations",
    auth=OPERATE,
    response={200: OrderedOut, 201: OrderedOut, 202: OrderedOut},
    summary="Try or order an operation",
)
def create_operation(
    request: ApiRequest, order: Annotated[AnyOrderIn, Body(...)], idempotency_key: KeyHeader = ""
) -> Status[dict[str, Any]]:
    """Plan an operation; unless `dry_run` is true, ask for it at once.

    A dry run answers 201 with a draft, which changes nothing and can be confirmed by its
    `plan_hash` within 15 minutes. Without it the answer is 202: a worker carries the operation
    out, or a second person must approve it first. With `plan_hash` only that plan is asked for.

    The same idempotency key with the same body is answered with the same operation (200 or 202)
    and does nothing more; with another body it is answered 409. It stands in the header or in the
    body.
    """
    user, now = request.auth.user, timezone.now()
    placed = orders.place_order(
        user=user,
        order=order.to_order(),
        terms=order.terms(),
        key=_key(idempotency_key, order, "order"),
        now=now,
    )
    impact = None
    if order.kind == "restore" and order.dry_run:
        impact = impact_of_restore(user=user, checkpoint_pk=order.checkpoint, now=now)
    return Status(_status(placed, dry_run=order.dry_run), ordered_answer(placed, impact))


@router.get(
    "/operations/{operation_id}",
    auth=READ,
    response={200: OperationOut},
    summary="Look at an operation",
)
def get_operation(request: ApiRequest, operation_id: UUID) -> dict[str, Any]:
    """Return an operation with its log, its first 100 steps and what came of it."""
    found = service.find_operation(user=request.auth.user, operation_id=operation_id)
    return operation_answer(orders.shown(found))


@router.get(
    "/operations/{operation_id}/plan",
    auth=READ,
    response={200: PlanOut},
    summary="Read an operation's plan",
)
def get_plan(
    request: ApiRequest, operation_id: UUID, after: Place = 0, action: str = "", limit: Limit = 100
) -> dict[str, Any]:
    """Return what an operation does with each checkpoint, and why, some entries at a time.

    `action` shows only those that are removed, kept and so on.
    """
    found = service.find_operation(user=request.auth.user, operation_id=operation_id)
    return plan_answer(orders.plan_page(found, after=after, action=action, limit=limit), found.pk)


@router.get(
    "/operations/{operation_id}/receipt",
    auth=READ,
    response={200: ReceiptOut},
    summary="Fetch an erasure's receipt",
)
def get_receipt(request: ApiRequest, operation_id: UUID) -> Any:
    """Return what an erasure erased, when and for whom, and whether the receipt is unaltered."""
    return orders.receipt(user=request.auth.user, operation_id=operation_id)


@router.post(
    "/operations/{operation_id}/confirm",
    auth=OPERATE,
    response={202: OperationOut},
    summary="Confirm a draft",
)
def confirm_operation(
    request: ApiRequest, operation_id: UUID, confirmation: ConfirmationIn
) -> Status[dict[str, Any]]:
    """Ask for what a draft showed. Confirmed twice it is asked for once.

    Only who made a draft confirms it. Where more than 10 checkpoints go, `typed` must be the
    draft's `name_to_type`.
    """
    confirmed = service.confirm(
        user=request.auth.user,
        operation_id=operation_id,
        now=timezone.now(),
        **confirmation.dict(),
    )
    return Status(HTTPStatus.ACCEPTED, operation_answer(orders.shown(confirmed)))


@router.post(
    "/operations/{operation_id}/approve",
    auth=OPERATE,
    response={202: OperationOut},
    summary="Approve a request",
)
def approve_operation(
    request: ApiRequest, operation_id: UUID, approval: ApproveIn
) -> Status[dict[str, Any]]:
    """Let a request run that somebody else made, in a project that asks for a second person."""
    approved = service.approve(
        user=request.auth.user,
        operation_id=operation_id,
        plan_hash=approval.plan_hash,
        now=timezone.now(),
    )
    return Status(HTTPStatus.ACCEPTED, operation_answer(orders.shown(approved)))


@router.post(
    "/operations/{operation_id}/cancel",
    auth=OPERATE,
    response={200: OperationOut},
    summary="Cancel an operation",
)
def cancel_operation(request: ApiRequest, operation_id: UUID) -> dict[str, Any]:
    """Cancel what waits; what runs stops before its next step, and what was done stays done."""
    cancelled = service.cancel(
        user=request.auth.user, operation_id=operation_id, now=timezone.now()
    )
    return operation_answer(orders.shown(cancelled))


@router.post(
    "/operations/{operation_id}/undo",
    auth=OPERATE,
    response={200: OrderedOut, 202: OrderedOut},
    summary="Undo an operation",
)
def undo_operation(
    request: ApiRequest, operation_id: UUID, undo: UndoOfIn, idempotency_key: KeyHeader = ""
) -> Status[dict[str, Any]]:
    """Take back what an operation did: the answer is the operation that does so.

    A restore is undone by restoring the head that it left, a prune by putting back what is still
    in the trash. A dry run answers 200 and is not kept.
    """
    placed = orders.place_order(
        user=request.auth.user,
        order=orders.UndoOrder(operation=operation_id),
        terms=undo.terms(),
        key=_key(idempotency_key, undo, f"undo {operation_id}"),
        now=timezone.now(),
    )
    return Status(HTTPStatus.OK if undo.dry_run else HTTPStatus.ACCEPTED, ordered_answer(placed))


@router.post(
    "/operations/{operation_id}/retry",
    auth=OPERATE,
    response={202: OperationOut},
    summary="Retry an operation",
)
def retry_operation(request: ApiRequest, operation_id: UUID) -> Status[dict[str, Any]]:
    """Let what failed or needs attention go on from where it came to."""
    retried = service.retry(user=request.auth.user, operation_id=operation_id, now=timezone.now())
    return Status(HTTPStatus.ACCEPTED, operation_answer(orders.shown(retried)))


@router.post(
    "/operations/{operation_id}/acknowledge",
    auth=OPERATE,
    response={200: OperationOut},
    summary="Acknowledge an outcome",
)
def acknowledge_operation(request: ApiRequest, operation_id: UUID) -> dict[str, Any]:
    """Note that you have seen what an operation came to, so that it calls nobody any more."""
    seen = service.acknowledge(
        user=request.auth.user, operation_id=operation_id, now=timezone.now()
    )
    return operation_answer(orders.shown(seen))


def _key(header: str, body: Any, what: str) -> orders.Key:
    """Return the key of a request; its content is everything but the key itself."""
    if header and body.idempotency_key and header != body.idempotency_key:
        raise orders.OrderInvalid("idempotency_key", "is not the one in the header")
    return orders.Key.of(header or body.idempotency_key, body.content(what))


def _status(placed: orders.Placed, *, dry_run: bool) -> HTTPStatus:
    if not dry_run:
        return HTTPStatus.ACCEPTED
    kept_now = placed.is_new and placed.is_kept
    return HTTPStatus.CREATED if kept_now else HTTPStatus.OK
