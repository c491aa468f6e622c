"""A source is followed while others write, replace, take away and compact its store."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from dashboard.models import Checkpoint, Source, SourceFinding, Thread
from dashboard.models.sources import SourceHealth
from dashboard.services import scans
from dashboard.services.ingest import recounts
from dashboard.services.scans import ScanOutcome, scan_source

pytestmark = pytest.mark.django_db
ALL = 437
"""The checkpoints of the sample."""


@pytest.fixture
def file(samples: Path, tmp_path: Path) -> Path:
    path = tmp_path / "agent.sqlite"
    shutil.copyfile(samples / "langgraph.sqlite", path)
    return path


@pytest.fixture
def source(file: Path, now: datetime) -> Source:
    url = f"langgraph+sqlite:///{file}"
    return Source.objects.create(name="agent", url=url, kind="langgraph+sqlite", created_at=now)


def listed() -> int:
    return Checkpoint.objects.filter(removed_at=None).count()


def changed(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_how_much_waits_is_told_until_nothing_does(
    source: Source, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "PAGE", 100)
    told: list[Any] = [source.scan_remaining]
    while scan_source(source_id=source.pk, now=now, budget=1).outcome is ScanOutcome.MORE_WAITS:
        source.refresh_from_db()
        told.append(source.scan_remaining)
    source.refresh_from_db()
    assert told == [None, 337, 237, 137, 37]
    assert source.scan_remaining == 0


def test_no_state_is_loaded(source: Source, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("a scan loaded a state")

    monkeypatch.setattr(LangGraphSqliteStore, "load", refuse)
    monkeypatch.setattr(LangGraphSqliteStore, "raw", refuse)
    assert scan_source(source_id=source.pk, now=now).created == ALL


def test_what_the_agent_deletes_itself_is_marked_as_gone_within_a_minute(
    source: Source, file: Path, now: datetime
) -> None:
    scan_source(source_id=source.pk, now=now)
    changed(file, "DELETE FROM checkpoints WHERE rowid <= 10")
    scan_source(source_id=source.pk, now=now + timedelta(seconds=30))
    assert listed() == ALL
    scan_source(source_id=source.pk, now=now + timedelta(seconds=61))
    assert listed() == ALL - 10
    assert sum(Thread.objects.values_list("checkpoint_count", flat=True)) == ALL - 10
    gone = Checkpoint.objects.exclude(removed_at=None)
    assert set(gone.values_list("removed_reason", flat=True)) == {recounts.GONE}


def test_of_one_id_in_two_namespaces_only_what_was_deleted_goes(
    source: Source, file: Path, now: datetime
) -> None:
    names = "parent_checkpoint_id, type, checkpoint, metadata"
    changed(
        file,
        f"INSERT INTO checkpoints SELECT thread_id, 'inner', checkpoint_id, {names}"
        " FROM checkpoints WHERE rowid = 5",
    )
    scan_source(source_id=source.pk, now=now)
    assert listed() == ALL + 1
    changed(file, "DELETE FROM checkpoints WHERE checkpoint_ns = 'inner'")
    scan_source(source_id=source.pk, now=now + timedelta(minutes=2))
    gone = Checkpoint.objects.exclude(removed_at=None)
    assert (listed(), gone.get().namespace) == (ALL, "inner")


def test_a_thread_that_the_agent_deletes_leaves_no_checkpoint_listed(
    source: Source, file: Path, now: datetime
) -> None:
    scan_source(source_id=source.pk, now=now)
    thread = Thread.objects.order_by("pk").first()
    assert thread is not None
    changed(file, f"DELETE FROM checkpoints WHERE thread_id = '{thread.thread_id}'")
    scan_source(source_id=source.pk, now=now + timedelta(minutes=2))
    thread.refresh_from_db()
    assert (thread.checkpoint_count, listed()) == (0, ALL - thread.checkpoints.count())


def test_a_file_that_was_compacted_is_listed_with_nothing_lost_or_doubled(
    source: Source, file: Path, now: datetime
) -> None:
    scan_source(source_id=source.pk, now=now)
    before = set(Checkpoint.objects.values_list("pk", "checkpoint_id"))
    changed(file, "DELETE FROM checkpoints WHERE rowid <= 10", "VACUUM")
    scan_source(source_id=source.pk, now=now + timedelta(minutes=2))
    assert listed() == ALL - 10
    assert set(Checkpoint.objects.values_list("pk", "checkpoint_id")) == before
    assert sum(Thread.objects.values_list("checkpoint_count", flat=True)) == ALL - 10


def test_a_file_that_another_took_the_place_of_is_listed_anew(
    source: Source, file: Path, now: datetime
) -> None:
    scan_source(source_id=source.pk, now=now)
    other = file.with_name("other.sqlite")
    shutil.copyfile(file, other)
    changed(other, "DELETE FROM checkpoints WHERE rowid > 100")
    other.replace(file)
    scan_source(source_id=source.pk, now=now)
    assert listed() == 100


def test_a_file_that_vanishes_in_the_middle_is_taken_up_where_it_was_left(
    source: Source, file: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "PAGE", 100)
    scan_source(source_id=source.pk, now=now, budget=1)
    away = file.with_name("away.sqlite")
    file.rename(away)
    assert scan_source(source_id=source.pk, now=now).outcome is ScanOutcome.FAILED
    source.refresh_from_db()
    assert (source.health, listed()) == (SourceHealth.FAILED, 100)
    away.rename(file)
    later = now + timedelta(minutes=10)
    assert scan_source(source_id=source.pk, now=later).created == ALL - 100
    source.refresh_from_db()
    assert source.scan_remaining == 0


def test_what_was_last_wrong_is_remembered_when_it_is_over(
    source: Source, file: Path, now: datetime
) -> None:
    away = file.with_name("away.sqlite")
    file.rename(away)
    scan_source(source_id=source.pk, now=now)
    away.rename(file)
    scan_source(source_id=source.pk, now=now + timedelta(minutes=10))
    source.refresh_from_db()
    assert source.health != SourceHealth.FAILED
    assert source.last_error_at == now
    assert "there is no store here" in source.last_error


@pytest.mark.parametrize("column", ["checkpoint", "metadata", "type", "parent_checkpoint_id"])
@pytest.mark.parametrize(
    "value", ["x'ff00ff'", "zeroblob(0)", "NULL", "42", "'\ufeff\u202e'", "1e400"]
)
def test_a_row_of_rubbish_never_stops_a_source(
    source: Source, file: Path, now: datetime, column: str, value: str
) -> None:
    changed(file, f"UPDATE checkpoints SET {column} = {value} WHERE rowid % 50 = 0")
    result = scan_source(source_id=source.pk, now=now)
    assert result.outcome is ScanOutcome.DONE
    left_out = SourceFinding.objects.filter(kind="unusable_record").count()
    assert listed() + left_out == ALL


@pytest.mark.parametrize("column", ["value", "type", "channel", "task_path", "idx"])
@pytest.mark.parametrize("value", ["x'ff00ff'", "zeroblob(0)", "'42'", "9223372036854775807"])
def test_a_write_of_rubbish_never_stops_a_source(
    source: Source, file: Path, now: datetime, column: str, value: str
) -> None:
    changed(file, f"UPDATE OR IGNORE writes SET {column} = {value} WHERE rowid % 7 = 0")
    result = scan_source(source_id=source.pk, now=now)
    assert (result.outcome, result.created) == (ScanOutcome.DONE, ALL)
