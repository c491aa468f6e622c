"""Events of an audit log, and what somebody who owns the database does to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F

from dashboard.chains import digest
from dashboard.models import AuditEvent, AuditHead
from dashboard.services import audit

COUNT = 6


def append(now: datetime, count: int = COUNT) -> None:
    for number in range(count):
        at = now + timedelta(seconds=number)
        audit.record(user=None, action="test", target=str(number), details={"n": number}, now=at)


def rehash(event: AuditEvent) -> None:
    """Write an event's hash anew, as somebody who knows the format does."""
    event.hash = digest(event.link())
    event.save()


def edit() -> None:
    AuditEvent.objects.filter(sequence=3).update(actor="somebody else")


def edit_and_rehash() -> None:
    event = AuditEvent.objects.get(sequence=3)
    event.actor = "somebody else"
    rehash(event)


def edit_the_last_and_rehash() -> None:
    event = AuditEvent.objects.get(sequence=COUNT)
    event.details = {"n": 0}
    rehash(event)


def remove() -> None:
    AuditEvent.objects.filter(sequence__in=(3, 4)).delete()


def remove_the_first() -> None:
    AuditEvent.objects.filter(sequence=1).delete()


def cut_the_tail() -> None:
    AuditEvent.objects.filter(sequence__gt=4).delete()


def swap() -> None:
    for was, becomes in ((3, 99), (5, 3), (99, 5)):
        AuditEvent.objects.filter(sequence=was).update(sequence=becomes)


def insert() -> None:
    """Move all later events up and put one in that holds by itself."""
    for event in AuditEvent.objects.filter(sequence__gte=3).order_by("-sequence"):
        AuditEvent.objects.filter(pk=event.pk).update(sequence=F("sequence") + 1)
    before = AuditEvent.objects.get(sequence=2)
    rehash(_like(before, sequence=3, previous=before.hash))
    AuditHead.objects.update(count=F("count") + 1)


def insert_at_the_end() -> None:
    last = AuditEvent.objects.get(sequence=COUNT)
    rehash(_like(last, sequence=COUNT + 1, previous=last.hash))


def close_the_gap() -> None:
    """Remove an event and move the later ones down, so that no number is missing."""
    AuditEvent.objects.filter(sequence=3).delete()
    for event in AuditEvent.objects.filter(sequence__gt=3).order_by("sequence"):
        AuditEvent.objects.filter(pk=event.pk).update(sequence=F("sequence") - 1)
    AuditHead.objects.update(count=F("count") - 1)


def _like(event: AuditEvent, **values: object) -> AuditEvent:
    return AuditEvent(actor="mallory", action=event.action, at=event.at, details={}, **values)


ATTACKS: dict[Callable[[], None], tuple[str, int]] = {
    edit: ("edited", 3),
    edit_and_rehash: ("edited", 3),
    edit_the_last_and_rehash: ("edited", COUNT),
    remove: ("removed", 3),
    remove_the_first: ("removed", 1),
    cut_the_tail: ("cut", 5),
    swap: ("reordered", 3),
    insert: ("inserted", 3),
    insert_at_the_end: ("inserted", COUNT + 1),
    close_the_gap: ("reordered", 3),
}
"""What is done, and the finding that must come first."""
