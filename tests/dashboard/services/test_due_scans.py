"""Which sources a worker looks at again, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import queue
from dashboard.models import Source
from dashboard.services.due_scans import DueScans

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def hints(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The hints that would be sent."""
    sent: list[int] = []
    monkeypatch.setattr(queue, "enqueue_scan", sent.append)
    return sent


def make_source(**values: object) -> Source:
    fields = {"name": "s", "url": "memory://", "kind": "memory", "created_at": NOW, **values}
    return Source.objects.create(**fields)


def test_a_new_source_is_looked_at_once(hints: list[int]) -> None:
    source = make_source()
    scans = DueScans()

    scans.enqueue(now=NOW)
    scans.enqueue(now=NOW + timedelta(seconds=4))

    assert hints == [source.pk]


def test_a_source_is_looked_at_again_three_seconds_after_its_last_scan(hints: list[int]) -> None:
    source = make_source(last_synced_at=NOW)
    scans = DueScans()

    scans.enqueue(now=NOW + timedelta(seconds=2))
    assert hints == []

    scans.enqueue(now=NOW + timedelta(seconds=4))
    assert hints == [source.pk]


def test_a_store_that_takes_long_to_look_through_is_left_in_peace_for_longer(
    hints: list[int],
) -> None:
    source = make_source(last_synced_at=NOW, scan_seconds=4.0)
    scans = DueScans()

    scans.enqueue(now=NOW + timedelta(seconds=19))
    assert hints == []

    scans.enqueue(now=NOW + timedelta(seconds=21))
    assert hints == [source.pk]


def test_a_scan_that_came_to_nothing_is_asked_for_again(hints: list[int]) -> None:
    source = make_source()
    scans = DueScans()

    scans.enqueue(now=NOW)
    scans.enqueue(now=NOW + timedelta(seconds=16))

    assert hints == [source.pk, source.pk]


def test_a_source_that_is_being_scanned_is_left_alone(hints: list[int]) -> None:
    make_source(scan_lease_until=NOW + timedelta(seconds=1))

    DueScans().enqueue(now=NOW)

    assert hints == []


def test_a_source_that_is_not_connected_is_left_alone(hints: list[int]) -> None:
    make_source(connected=False)

    DueScans().enqueue(now=NOW)

    assert hints == []


def test_a_source_that_rests_is_left_alone_until_its_time(hints: list[int]) -> None:
    source = make_source(next_scan_at=NOW + timedelta(minutes=5))
    scans = DueScans()

    scans.enqueue(now=NOW + timedelta(minutes=4))
    assert hints == []

    scans.enqueue(now=NOW + timedelta(minutes=5))
    assert hints == [source.pk]
