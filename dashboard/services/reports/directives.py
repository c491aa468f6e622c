"""Directives for agents whose store is not opened here: left, handed out, cancelled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

import checkpoints
from dashboard import access
from dashboard.models import (
    ApiToken,
    Checkpoint,
    Directive,
    DirectiveState,
    Thread,
    User,
)
from dashboard.models.reports import OPEN_DIRECTIVES
from dashboard.selectors.restorability import why_not_direct
from dashboard.services import audit
from dashboard.services.ingest.cleaning import check_id
from dashboard.services.ingest.reported_sources import find_source

SOURCE = "thread__agent__source"


class DirectiveRefused(Exception):
    """The directive cannot be left or taken back as asked; nothing was changed."""


def leave_restore(
    *, user: User, checkpoint_pk: int, reason: str, idempotency_key: str, now: datetime
) -> Directive:
    """Leave the directive to restore a checkpoint; its agent obeys when it asks or reports next.

    The same click again returns the same directive. Raises Checkpoint.DoesNotExist, Hidden,
    Forbidden, or DirectiveRefused.
    """
    row = Checkpoint.objects.select_related("thread__agent__source").get(pk=checkpoint_pk)
    access.require(user, "operate", row.thread.agent.source.project_id)
    if (asked := _asked_before(user, row, idempotency_key)) is not None:
        return asked
    if refused := why_not_direct(row, is_head=row.thread.head_id == row.pk):
        raise DirectiveRefused(refused)
    if not reason.strip():
        raise DirectiveRefused("Say why: a reason is required. Nothing was left.")
    return _create(user, row, reason.strip(), idempotency_key, now)


def cancel_directive(*, user: User, directive_id: UUID, now: datetime) -> Directive:
    """Take a directive back. Raises Directive.DoesNotExist, DirectiveRefused when it has ended.

    One that was delivered may have been obeyed already; the agent's answer is then still noted.
    """
    with transaction.atomic():
        row = (
            Directive.objects.select_for_update(of=("self",))
            .select_related(SOURCE)
            .get(pk=directive_id)
        )
        project = row.thread.agent.source.project_id
        access.require(user, "operate", project)
        if not row.is_open:
            raise DirectiveRefused(f"It has ended already: {row.get_state_display().lower()}.")
        row.state, row.finished_at = DirectiveState.CANCELLED, now
        row.save(update_fields=["state", "finished_at"])
        audit.record(
            user=user,
            action="directive.cancelled",
            target=str(row.pk),
            details={},
            now=now,
            project=project,
        )
    return row


def waiting_directives(
    *, token: ApiToken, source_url: str, agent_id: str, thread_id: str, now: datetime
) -> list[Directive]:
    """Hand out what waits for a thread, the oldest first; nothing for one that is not known.

    Raises UnusableRecord when the URL or a name is none, Forbidden when the token is another
    agent's.
    """
    check_id("agent_id", agent_id, required=True)
    check_id("thread_id", thread_id, required=True)
    if token.agent_id and token.agent_id != agent_id:
        raise access.Forbidden(f"This token may only ask for agent {token.agent_id!r}.")
    source = find_source(source_url, token=token)
    threads = Thread.objects.filter(
        agent__source=source, agent__agent_id=agent_id, thread_id=thread_id
    )
    return hand_out(threads.select_related("agent"), now=now)


def hand_out(threads: Iterable[Thread], *, now: datetime) -> list[Directive]:
    """Return what waits for threads; from now on it is delivered. It is handed out until answered.

    Their ``agent`` must be loaded.
    """
    by_pk = {thread.pk: thread for thread in threads}
    rows = Directive.objects.filter(thread__in=by_pk, state__in=OPEN_DIRECTIVES)
    found = list(rows.order_by("created_at", "pk")) if by_pk else []
    waiting = [row.pk for row in found if row.state == DirectiveState.WAITING]
    if waiting:
        Directive.objects.filter(pk__in=waiting, state=DirectiveState.WAITING).update(
            state=DirectiveState.DELIVERED, delivered_at=now
        )
    for row in found:
        row.thread = by_pk[row.thread_id]
    return found


def _create(
    user: User, row: Checkpoint, reason: str, idempotency_key: str, now: datetime
) -> Directive:
    try:
        with transaction.atomic():
            left = Directive.objects.create(
                thread=row.thread,
                strategy=checkpoints.Strategy.RESTORE_CHECKPOINT,
                parameters=_what(row),
                reason=reason,
                requested_by=user,
                idempotency_key=idempotency_key,
                created_at=now,
            )
            audit.record(
                user=user,
                action="directive.left",
                target=str(left.pk),
                details={"checkpoint_id": row.checkpoint_id, "reason": reason},
                now=now,
                project=row.thread.agent.source.project_id,
            )
    except IntegrityError:
        return _first(user, row, idempotency_key)
    return left


def _asked_before(user: User, row: Checkpoint, idempotency_key: str) -> Directive | None:
    """Return what the first of several equal clicks left; refuse it for something else."""
    rows = Directive.objects.filter(requested_by=user, idempotency_key=idempotency_key)
    found = rows.first()
    if found is not None and (found.thread_id, found.parameters) != (row.thread_id, _what(row)):
        raise DirectiveRefused(
            f"This confirmation was already used for directive {found.pk}; nothing more was left. "
            "Open the page again."
        )
    return found


def _what(row: Checkpoint) -> dict[str, str]:
    """Return the parameters of the directive to restore a checkpoint."""
    return {"checkpoint_id": row.checkpoint_id}


def _first(user: User, row: Checkpoint, idempotency_key: str) -> Directive:
    """Return what the other of two simultaneous clicks left, unless another one waits."""
    if (found := _asked_before(user, row, idempotency_key)) is None:
        raise DirectiveRefused(
            "A directive waits for this thread already; cancel it first. Nothing was left."
        )
    return found
