"""Delivering messages: claimed by one conditional update, written down before and after.

A worker that is killed between sending and writing down leaves an attempt that nobody ended. The
next one says so and sends the message again, with the same id: it may arrive twice, which is rare
and which a receiver can tell by the id; it is never lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from dashboard import queue
from dashboard.models import (
    AttemptOutcome,
    DeliveryAttempt,
    MessageState,
    Notice,
    NotificationChannel,
    NotificationMessage,
)
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.pacing import Next, next_try
from dashboard.services.notifications.rendering import Letter, item_of
from dashboard.services.notifications.sending import Answer, send
from dashboard.services.notifications.targets import unsealed
from dashboard.services.notifications.wording import line

LEASE = timedelta(minutes=3)
HINT_LOST_AFTER = timedelta(seconds=15)
HINTS_AT_ONCE = 100
KEPT_FOR = timedelta(days=30)
NOT_COME_BACK = (
    "The worker did not come back after sending; it may have arrived. It is sent again with the "
    "same id."
)
Now = Callable[[], datetime]
_RANDOM = SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """The right to make one attempt: no other worker has its number."""

    message: NotificationMessage
    number: int

    def held(self) -> QuerySet[NotificationMessage]:
        """Return the message's row while nobody else has claimed it."""
        return NotificationMessage.objects.filter(
            pk=self.message.pk, attempts=self.number, state=MessageState.WAITING
        )

    def attempt(self) -> QuerySet[DeliveryAttempt]:
        return DeliveryAttempt.objects.filter(message=self.message, number=self.number)


def deliver(
    *,
    message_id: UUID,
    now: Now,
    clock: Callable[[], float] = time.monotonic,
    share: Callable[[], float] = _RANDOM.random,
) -> None:
    """Make one attempt to deliver a message, or find that another worker does or that it is done.

    Whatever goes wrong is written down with the attempt; nothing is raised for it.
    """
    claim = _claim(message_id, now())
    if claim is None:
        return
    begun = clock()
    answer = _send(claim.message, now())
    _note(claim, answer, round((clock() - begun) * 1000), now(), share())


def hint_again(*, now: datetime) -> list[UUID]:
    """Ask for messages that are due and that nobody took up. Returns their ids."""
    hinted = []
    lost = Q(hinted_at=None) | Q(hinted_at__lt=now - HINT_LOST_AFTER)
    waiting = _open(now).filter(lost, channel__paused_at=None)
    for pk, before in list(
        waiting.order_by("next_try_at").values_list("pk", "hinted_at")[:HINTS_AT_ONCE]
    ):
        same = NotificationMessage.objects.filter(pk=pk, hinted_at=before)
        with transaction.atomic():
            if same.update(hinted_at=now):
                queue.enqueue_message(pk)
                hinted.append(pk)
    return hinted


def forget_old(*, now: datetime) -> None:
    """Delete what was delivered or given up long ago, and subjects that are long settled."""
    ended = NotificationMessage.objects.filter(ended_at__lt=now - KEPT_FOR)
    ended.filter(pk__in=list(ended.values_list("pk", flat=True)[:1000])).delete()
    settled = Notice.objects.filter(settled_at__lt=now - KEPT_FOR, due_at=None)
    settled.filter(pk__in=list(settled.values_list("pk", flat=True)[:1000])).delete()


def _open(now: datetime) -> QuerySet[NotificationMessage]:
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return NotificationMessage.objects.filter(
        free, state=MessageState.WAITING, next_try_at__lte=now
    )


def _claim(message_id: UUID, now: datetime) -> _Claim | None:
    """Take the right to send a message, and write down that it is about to be sent."""
    mine = _open(now).filter(pk=message_id, channel__paused_at=None)
    with transaction.atomic():
        if not mine.update(lease_until=now + LEASE, attempts=F("attempts") + 1):
            return None
        rows = NotificationMessage.objects.select_related("channel__project")
        message = rows.get(pk=message_id)
        DeliveryAttempt.objects.filter(message=message, outcome=AttemptOutcome.BEGUN).update(
            outcome=AttemptOutcome.UNKNOWN, answer=NOT_COME_BACK
        )
        DeliveryAttempt.objects.create(message=message, number=message.attempts, begun_at=now)
    return _Claim(message=message, number=message.attempts)


def _send(message: NotificationMessage, now: datetime) -> Answer:
    channel = message.channel
    try:
        target = unsealed(bytes(channel.target), project_id=channel.project_id)
    except NotificationRefused as error:
        return Answer.refused(str(error))
    return send(target, letter_of(message), now)


def letter_of(message: NotificationMessage) -> Letter:
    """Return what is sent of a message."""
    return Letter(
        id=str(message.pk),
        kind=message.kind,
        severity=message.severity,
        project=line(message.channel.project.name),
        title=message.title,
        items=tuple(map(item_of, message.items)),
        more=message.more,
        created_at=message.created_at,
        site=settings.HOLDFAST_PUBLIC_URL,
    )


def _note(claim: _Claim, answer: Answer, milliseconds: int, now: datetime, share: float) -> None:
    """Write down what came of an attempt, and when the next one is."""
    following = _following(claim, answer, now, share)
    outcome = AttemptOutcome.TAKEN if answer.taken else AttemptOutcome.FAILED
    with transaction.atomic():
        claim.attempt().update(
            outcome=outcome,
            milliseconds=milliseconds,
            status=answer.status,
            answer=answer.words,
            next_try_at=following.at,
        )
        held = claim.held().update(**_ending(answer, following, now))
        if held or answer.taken:
            _note_channel(claim.message.channel_id, answer, now)


def _following(claim: _Claim, answer: Answer, now: datetime, share: float) -> Next:
    if answer.taken:
        return Next(at=None)
    if answer.is_final:
        return Next(at=None, reason=answer.words)
    found = next_try(
        attempts=claim.number,
        created_at=claim.message.created_at,
        now=now,
        share=share,
        asked=answer.wait,
    )
    return found if found.at else Next(at=None, reason=f"{found.reason} {answer.words}")


def _ending(answer: Answer, following: Next, now: datetime) -> dict[str, Any]:
    if following.at is not None:
        return {"lease_until": None, "next_try_at": following.at, "hinted_at": None}
    state = MessageState.DELIVERED if answer.taken else MessageState.GIVEN_UP
    return {
        "lease_until": None,
        "next_try_at": None,
        "state": state,
        "ended_at": now,
        "reason": following.reason,
    }


def _note_channel(channel_pk: int, answer: Answer, now: datetime) -> None:
    rows = NotificationChannel.objects.filter(pk=channel_pk)
    if answer.taken:
        rows.update(last_delivered_at=now, broken_since=None)
    else:
        rows.update(broken_since=Coalesce("broken_since", now))
