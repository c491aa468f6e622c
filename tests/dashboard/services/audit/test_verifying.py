"""Whatever somebody who owns the database does to the log, a check names it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from dashboard.models import AuditEvent, AuditHead
from dashboard.services import audit
from tests.dashboard.services.audit.events import ATTACKS, COUNT, append, rehash
from tests.flushing import unprotected

pytestmark = pytest.mark.django_db


def test_a_log_that_nobody_touched_holds(now: datetime) -> None:
    assert audit.verify(now=now).holds
    append(now)
    found = audit.verify(now=now)
    assert (found.events, found.findings) == (COUNT, ())
    assert found.hash == AuditHead.objects.get().hash


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_was_done_to_it_is_named(now: datetime, attack: Callable[[], None]) -> None:
    append(now)
    with unprotected():
        attack()
    found = audit.verify(now=now)
    kind, sequence = ATTACKS[attack]
    assert (found.findings[0].kind, found.findings[0].sequence) == (kind, sequence)


def test_swapped_events_are_both_named_and_no_other(now: datetime) -> None:
    append(now)
    with unprotected():
        next(attack for attack in ATTACKS if attack.__name__ == "swap")()
    assert [(f.kind, f.sequence) for f in audit.verify(now=now).findings] == [
        ("reordered", 3),
        ("reordered", 5),
    ]


def test_a_log_written_anew_is_told_by_a_hash_that_was_noted(now: datetime) -> None:
    append(now)
    noted = audit.verify(now=now).hash
    append(now)
    assert audit.verify(now=now, expect=noted).holds
    with unprotected():
        _write_anew()
    assert audit.verify(now=now).holds
    assert [f.kind for f in audit.verify(now=now, expect=noted).findings] == ["expected"]


def test_a_head_that_is_gone_is_no_reason_to_trust_the_log(now: datetime) -> None:
    append(now)
    AuditHead.objects.all().delete()
    assert not audit.verify(now=now).holds


def test_findings_are_bounded(now: datetime) -> None:
    append(now, 130)
    with unprotected():
        AuditEvent.objects.update(actor="x")
    assert len(audit.verify(now=now).findings) == 100


def _write_anew() -> None:
    previous = "0" * 64
    for event in AuditEvent.objects.order_by("sequence"):
        event.actor, event.previous = "mallory", previous
        rehash(event)
        previous = event.hash
    AuditHead.objects.update(hash=previous)
