"""A scan takes in what is new, goes on where it stopped, and never fails its task."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
import structlog

import checkpoints
from dashboard.models import Agent, Checkpoint, Source, SourceFinding, Thread, User
from dashboard.models.sources import SourceHealth
from dashboard.services import scans
from dashboard.services.scans import ScanOutcome, scan_source
from dashboard.services.sources import sync_now


def add(url: str, now: datetime, **values: object) -> Source:
    return Source.objects.create(name="store", url=url, kind="store", created_at=now, **values)


def save(url: str, steps: int, *, thread: str = "main") -> None:
    with checkpoints.CheckpointManager("crawler", store=url, thread=thread) as manager:
        manager.resume()
        for step in range(steps):
            manager.create_checkpoint(state={"step": step})


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A native store with three checkpoints."""
    url = f"sqlite:///{tmp_path}/agents.db"
    save(url, 3)
    return url


@pytest.fixture
def source(db: None, url: str, now: datetime) -> Source:
    return add(url, now)


def test_a_native_store_is_taken_in(source: Source, now: datetime) -> None:
    result = scan_source(source_id=source.pk, now=now)

    source.refresh_from_db()
    assert (result.outcome, result.created) == (ScanOutcome.DONE, 3)
    assert (source.health, source.last_synced_at) == (SourceHealth.HEALTHY, now)
    assert source.capabilities["restore"] is True
    head = Thread.objects.get().head
    assert head is not None
    assert head.step == 3


def test_a_second_scan_takes_in_only_what_is_new(source: Source, url: str, now: datetime) -> None:
    scan_source(source_id=source.pk, now=now)
    save(url, 2)

    result = scan_source(source_id=source.pk, now=now)

    assert result.created == 2
    assert Thread.objects.get().checkpoint_count == 5


def test_a_scan_goes_on_where_its_budget_ended(
    source: Source, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "PAGE", 2)

    first = scan_source(source_id=source.pk, now=now, budget=1)
    second = scan_source(source_id=source.pk, now=now, budget=1)

    assert (first.outcome, first.created) == (ScanOutcome.MORE_WAITS, 2)
    assert (second.outcome, second.created) == (ScanOutcome.DONE, 1)


def test_a_source_that_is_being_scanned_is_left_alone(source: Source, now: datetime) -> None:
    Source.objects.update(scan_lease_until=now + timedelta(seconds=1))

    assert scan_source(source_id=source.pk, now=now).outcome is ScanOutcome.BUSY
    assert not Checkpoint.objects.exists()


def test_a_scan_that_died_is_taken_over_when_its_lease_ends(source: Source, now: datetime) -> None:
    Source.objects.update(scan_lease_until=now - timedelta(seconds=1))

    assert scan_source(source_id=source.pk, now=now).outcome is ScanOutcome.DONE


def test_a_scan_ends_between_pages_when_its_time_is_up(
    source: Source, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "PAGE", 1)
    seconds = iter([0.0, 29.0, 30.0])

    result = scan_source(source_id=source.pk, now=now, clock=lambda: next(seconds))

    assert (result.outcome, result.created) == (ScanOutcome.MORE_WAITS, 2)


def test_a_source_whose_scans_never_come_back_rests_and_says_so(
    source: Source, now: datetime
) -> None:
    ended = now - timedelta(seconds=1)
    Source.objects.update(scan_lease_until=ended, lost_scans=1)

    result = scan_source(source_id=source.pk, now=now)

    source.refresh_from_db()
    assert result.outcome is ScanOutcome.BUSY
    assert source.health == SourceHealth.FAILED
    assert "never came back" in source.health_message
    assert source.next_scan_at == now + timedelta(minutes=5)


def test_a_resting_source_is_read_when_somebody_asks(
    source: Source, person: User, now: datetime
) -> None:
    Source.objects.update(lost_scans=2, next_scan_at=now + timedelta(minutes=5))

    sync_now(user=person, source_id=source.pk)
    result = scan_source(source_id=source.pk, now=now)

    source.refresh_from_db()
    assert result.outcome is ScanOutcome.DONE
    assert (source.lost_scans, source.next_scan_at) == (0, None)


def test_a_source_that_keeps_failing_rests_ever_longer(source: Source, now: datetime) -> None:
    Path(source.url.removeprefix("sqlite:///")).unlink()
    pauses = []
    for _ in range(8):
        scan_source(source_id=source.pk, now=now)
        source.refresh_from_db()
        assert source.next_scan_at is not None
        pauses.append((source.next_scan_at - now).total_seconds())
        now = source.next_scan_at

    assert pauses == [6, 12, 24, 48, 96, 192, 300, 300]


def test_a_failure_that_stays_the_same_is_logged_once(
    source: Source, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Source) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(scans, "open_source", fail)
    with structlog.testing.capture_logs() as lines:
        scan_source(source_id=source.pk, now=now)
        scan_source(source_id=source.pk, now=now + timedelta(minutes=1))

    source.refresh_from_db()
    assert source.failed_scans == 2
    assert [line["event"] for line in lines] == ["scan failed"]


def test_a_source_that_is_only_reported_is_not_opened(source: Source, now: datetime) -> None:
    Source.objects.update(connected=False)

    assert scan_source(source_id=source.pk, now=now).outcome is ScanOutcome.BUSY
    assert not Checkpoint.objects.exists()


def test_a_store_that_is_gone_is_shown_as_failed(source: Source, now: datetime) -> None:
    Path(source.url.removeprefix("sqlite:///")).unlink()

    result = scan_source(source_id=source.pk, now=now)

    source.refresh_from_db()
    assert result.outcome is ScanOutcome.FAILED
    assert source.health == SourceHealth.FAILED
    assert "there is no store here" in source.health_message
    assert source.scan_lease_until is None


def test_the_langgraph_sample_is_taken_in(
    db: None, samples: Path, tmp_path: Path, now: datetime
) -> None:
    for file in samples.glob("langgraph.sqlite*"):
        shutil.copy(file, tmp_path)

    result = scan_source(
        source_id=add(f"langgraph+sqlite:///{tmp_path}/langgraph.sqlite", now).pk, now=now
    )

    assert (result.outcome, result.created) == (ScanOutcome.DONE, 437)
    assert Thread.objects.count() == 13
    assert sum(Agent.objects.values_list("checkpoint_count", flat=True)) == 437
    assert not Thread.objects.filter(head=None).exists()


def test_damaged_files_are_findings_and_the_others_are_taken_in(
    db: None, samples: Path, tmp_path: Path, now: datetime
) -> None:
    folder = shutil.copytree(samples / "kaizen", tmp_path / "kaizen")
    source = add(f"kaizen:///{folder}", now)

    result = scan_source(source_id=source.pk, now=now)

    source.refresh_from_db()
    assert result.outcome is ScanOutcome.DONE
    assert Checkpoint.objects.filter(damage="").count() >= 69
    assert SourceFinding.objects.filter(source=source).exists()
    assert source.health == SourceHealth.ATTENTION


def test_a_broken_row_does_not_stop_a_source(
    db: None, samples: Path, tmp_path: Path, now: datetime
) -> None:
    for file in samples.glob("langgraph.sqlite*"):
        shutil.copy(file, tmp_path)
    with sqlite3.connect(tmp_path / "langgraph.sqlite") as database:
        database.execute(
            "UPDATE checkpoints SET checkpoint = x'c1c1c1' WHERE rowid ="
            " (SELECT min(rowid) FROM checkpoints)"
        )

    scan_source(source_id=add(f"langgraph+sqlite:///{tmp_path}/langgraph.sqlite", now).pk, now=now)

    assert Checkpoint.objects.count() == 437
    assert Checkpoint.objects.exclude(damage="").count() == 1


def test_how_long_a_look_takes_is_kept_unless_much_was_new(
    source: Source, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(step=2.0)
    scan_source(source_id=source.pk, now=now, clock=lambda: next(ticks))
    source.refresh_from_db()
    assert source.scan_seconds > 0
    Source.objects.update(cursor="")
    Checkpoint.objects.all().delete()
    monkeypatch.setattr(scans, "PAGE", 2)
    scan_source(source_id=source.pk, now=now, clock=lambda: next(ticks))
    source.refresh_from_db()
    assert source.scan_seconds == 0
