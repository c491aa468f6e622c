"""Putting messages together: of what is due for a channel, one message for all of it.

Who moves a channel's ``next_message_at`` on puts its message together; what it takes up is marked
in the same transaction, so that nothing is told twice or never.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When

from dashboard import queue
from dashboard.models import (
    MessageKind,
    Notice,
    NotificationChannel,
    NotificationMessage,
    NotificationRule,
)
from dashboard.services.notifications.delivering import hint_again
from dashboard.services.notifications.happenings import SEVERITIES
from dashboard.services.notifications.matching import ENDINGS
from dashboard.services.notifications.pacing import BETWEEN, HOUR, next_slot
from dashboard.services.notifications.reading import rule_of
from dashboard.services.notifications.rendering import Item, headline

ITEMS = 10
"""Subjects that one message names; the rest is counted."""
CHUNK = 500
_WEIGHT = Case(
    *(When(severity=name, then=Value(weight)) for weight, name in enumerate(SEVERITIES)),
    output_field=IntegerField(),
)


def begin_due(*, now: datetime) -> list[UUID]:
    """Put messages together, and ask again for those that nobody took up. Returns their ids."""
    return compose_due(now=now) + hint_again(now=now)


def compose_due(*, now: datetime) -> list[UUID]:
    """Put a message together for each channel that has something to tell and may be written to.

    Returns the messages' ids.
    """
    waiting = Notice.objects.filter(_due(now), channel=OuterRef("pk"))
    ready = NotificationChannel.objects.filter(paused_at=None, next_message_at__lte=now)
    made = (_compose(channel, now) for channel in ready.filter(Exists(waiting)).order_by("pk"))
    return [pk for pk in made if pk is not None]


def _compose(channel: NotificationChannel, now: datetime) -> UUID | None:
    mine = NotificationChannel.objects.filter(
        pk=channel.pk, paused_at=None, next_message_at=channel.next_message_at
    )
    with transaction.atomic():
        if not mine.update(next_message_at=now + BETWEEN):
            return None
        _put_off(channel, now)
        due = Notice.objects.filter(_due(now), channel=channel).annotate(weight=_WEIGHT)
        chosen = list(due.order_by("-weight", "since", "pk").select_for_update())
        if not chosen or _slot(channel, chosen[0].severity, now) > now:
            return None
        message = _message(channel, chosen, now)
        _mark(chosen, now)
        queue.enqueue_message(message.pk)
    return message.pk


def _due(now: datetime) -> Q:
    return Q(due_at__lte=now) | Q(remind_at__lte=now, settled_at=None)


def _put_off(channel: NotificationChannel, now: datetime) -> None:
    """Let what became due within quiet hours, such as a reminder, wait for their end."""
    rows = Notice.objects.filter(channel=channel)
    for row in NotificationRule.objects.filter(channel=channel, quiet_from__isnull=False):
        rule = rule_of(row)
        for severity in SEVERITIES:
            until = rule.quiet_until(severity, now)
            if until is not None:
                mine = rows.filter(rule=row, severity=severity)
                mine.filter(due_at__lte=now).update(due_at=until, held=True)
                mine.filter(remind_at__lte=now).update(remind_at=until)


def _slot(channel: NotificationChannel, severity: str, now: datetime) -> datetime:
    rows = NotificationMessage.objects.filter(channel=channel, created_at__gt=now - HOUR)
    sent = list(rows.exclude(kind=MessageKind.TEST).values_list("created_at", flat=True))
    return next_slot(sent, per_hour=channel.per_hour, severity=severity, now=now)


def _message(
    channel: NotificationChannel, chosen: Sequence[Notice], now: datetime
) -> NotificationMessage:
    items = [item_of_notice(notice) for notice in chosen[:ITEMS]]
    kind, more = _kind(chosen), len(chosen) - len(items)
    return NotificationMessage.objects.create(
        channel=channel,
        kind=kind,
        severity=chosen[0].severity,
        title=headline(kind, items, more),
        items=[dataclasses.asdict(item) for item in items],
        more=more,
        created_at=now,
        next_try_at=now,
        hinted_at=now,
    )


def item_of_notice(notice: Notice) -> Item:
    """Return a subject as a message tells of it."""
    return Item.made(
        key=notice.key,
        kind=notice.kind,
        severity=notice.severity,
        title=notice.title,
        text=notice.text,
        since=f"{notice.since:%Y-%m-%d %H:%M} UTC",
        path=notice.path,
        agent=notice.agent_name,
        over=notice.settled_at is not None and not notice.kind.endswith(ENDINGS),
        happened=notice.happened,
    )


def _kind(chosen: Iterable[Notice]) -> str:
    news = [notice for notice in chosen if notice.due_at is not None]
    if not news:
        return MessageKind.REMINDER.value
    return (MessageKind.DIGEST if all(one.held for one in news) else MessageKind.NEWS).value


def _mark(chosen: Sequence[Notice], now: datetime) -> None:
    """Note that subjects are told of, and when they are told of again."""
    told = {"told_at": now, "told_severity": F("severity"), "told_kind": F("kind")}
    hours = dict(NotificationRule.objects.values_list("pk", "remind_hours"))
    for part in _chunks([notice.pk for notice in chosen]):
        rows = Notice.objects.filter(pk__in=part)
        rows.update(due_at=None, held=False, remind_at=None, **told)
        _remind(rows.filter(settled_at=None), hours, now)


def _remind(rows: QuerySet[Notice], hours: dict[int, int | None], now: datetime) -> None:
    for rule in set(rows.exclude(rule=None).values_list("rule", flat=True)):
        if every := hours.get(rule):
            rows.filter(rule=rule).update(remind_at=now + timedelta(hours=every))


def _chunks(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    return (pks[start : start + CHUNK] for start in range(0, len(pks), CHUNK))
