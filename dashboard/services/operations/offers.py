"""What a person may do about an operation now, and for what may not be done the reason.

The same rules refuse the act itself; these say so beforehand, so that a button can be disabled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from dashboard import access
from dashboard.models import Operation, OperationKind, OperationState, User
from dashboard.models.operations import OPEN_STATES
from dashboard.selectors.rights import why_not
from dashboard.services.operations import clicks
from dashboard.services.operations.changes import RETRIABLE, why_not_retry
from dashboard.services.operations.confirming import ASKED_YOURSELF, askers, name_to_type
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.undoing import NOT_UNDONE, UNDOABLE, why_not_undo

EXPIRED = "This preview is older than 15 minutes; nothing was asked for. Make it again."
APPROVERS_NAMED = 10
WAITED_TOO_LONG = "It has waited for more than a day; ask for it anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something that can be done in this state. ``refused`` says why not by this person now."""

    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What can be done about an operation; None where its state leaves no room for it.

    ``login_too_old`` says that this person must first prove again who they are.
    ``approvers`` are the names of those who can let it run, the first of them.
    ``name_to_type`` must be typed to confirm, ``never_undone`` says why its kind cannot be undone.
    """

    confirm: Offer | None = None
    approve: Offer | None = None
    cancel: Offer | None = None
    retry: Offer | None = None
    undo: Offer | None = None
    approvers: tuple[str, ...] = ()
    login_too_old: bool = False
    name_to_type: str = ""
    never_undone: str = ""
    may_acknowledge: bool = False


def offers_of(*, user: User, operation: Operation, now: datetime) -> Offers:
    """Return what ``user`` may do about an operation."""
    state = operation.state
    draft, waiting = state == OperationState.DRAFT, state == OperationState.PENDING_APPROVAL
    given_up = state == OperationState.NEEDS_ATTENTION
    unfinished = draft or waiting or given_up or state in OPEN_STATES
    ended_well = state in (*UNDOABLE, OperationState.UNDOING)
    decisive = draft or waiting or state in RETRIABLE
    return Offers(
        confirm=_confirm(user, operation, now) if draft else None,
        approve=_approve(user, operation, now) if waiting else None,
        cancel=Offer(refused=_too_small(user, operation, "operate")) if unfinished else None,
        retry=_retry(user, operation) if state in RETRIABLE else None,
        undo=_undo(user, operation) if ended_well else None,
        approvers=_approvers(operation) if waiting else (),
        login_too_old=decisive and _login_too_old(user, operation, now),
        name_to_type=_typed(operation) if draft else "",
        never_undone=NOT_UNDONE.get(OperationKind(operation.kind), "") if ended_well else "",
        may_acknowledge=not _too_small(user, operation, "operate"),
    )


def _confirm(user: User, operation: Operation, now: datetime) -> Offer:
    if why := _no_right(user, operation):
        return Offer(refused=why)
    if operation.requested_by_id != user.pk:
        return Offer(refused="Only who made this draft can confirm it. Make one of your own.")
    if operation.expires_at is None or now > operation.expires_at:
        return Offer(refused=EXPIRED)
    return Offer()


def _approve(user: User, operation: Operation, now: datetime) -> Offer:
    if why := _no_right(user, operation):
        return Offer(refused=why)
    if user.pk in askers(operation):
        return Offer(refused=ASKED_YOURSELF)
    if operation.expires_at is not None and now > operation.expires_at:
        return Offer(refused=WAITED_TOO_LONG)
    return Offer()


def _approvers(operation: Operation) -> tuple[str, ...]:
    """Return the names of those who may let a request run: never who asked."""
    mine = Q(memberships__project=operation.source.project_id)
    able = mine & Q(memberships__role__in=access.ROLES[_needed(operation)])
    people = User.objects.filter(able | Q(is_superuser=True), is_active=True)
    names = people.exclude(pk__in=askers(operation)).order_by("username")
    return tuple(names.values_list("username", flat=True).distinct()[:APPROVERS_NAMED])


def _retry(user: User, operation: Operation) -> Offer:
    return Offer(refused=_no_right(user, operation) or why_not_retry(user, operation))


def _undo(user: User, operation: Operation) -> Offer | None:
    if operation.kind in NOT_UNDONE:
        return None
    return Offer(refused=_too_small(user, operation, "operate") or why_not_undo(operation))


def _no_right(user: User, operation: Operation) -> str:
    return _too_small(user, operation, _needed(operation))


def _needed(operation: Operation) -> access.Right:
    return "admin" if operation.kind in clicks.NEEDS_ADMIN else "operate"


def _too_small(user: User, operation: Operation, right: access.Right) -> str:
    return why_not(user, right, operation.source.project)


def _login_too_old(user: User, operation: Operation, now: datetime) -> bool:
    return operation.kind in clicks.DESTRUCTIVE and not access.recent_login(user, now)


def _typed(operation: Operation) -> str:
    """Return the name to type; a plan that cannot be read is refused when it is confirmed."""
    try:
        return name_to_type(operation)
    except OperationRefused:
        return ""
