"""A source is added when its store can be opened; otherwise the reason is said."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings

import checkpoints
from dashboard.access import Forbidden
from dashboard.models import (
    AuditEvent,
    Checkpoint,
    Operation,
    OperationState,
    Source,
    TrashedBatch,
    User,
)
from dashboard.services import scans, source_tests, sources
from dashboard.services.ingest import Push, ingest_push
from dashboard.services.source_tests import look_at
from dashboard.services.sources import SourceRefused
from dashboard.services.tokens import NewToken
from tests.benches import Clock, register, save_steps
from tests.dashboard.records import push


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A native store with five checkpoints."""
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    return url


def refusal(person: User, url: str, now: datetime) -> str:
    with pytest.raises(SourceRefused) as refused:
        sources.add_source(user=person, url=url, name="", now=now)
    assert not Source.objects.exists()
    return str(refused.value)


def test_a_store_is_added_by_its_name_and_noted(person: User, url: str, now: datetime) -> None:
    source = sources.add_source(user=person, url=url, name="", now=now)

    assert (source.name, source.connected, source.kind) == ("agents.db", True, "sqlite")
    assert source.capabilities["restore"] is True
    assert AuditEvent.objects.get(action="source.added").user == person


def test_a_test_adds_nothing(person: User, url: str) -> None:
    found = look_at(user=person, address=url)

    assert (found.ok, found.threads) == (True, 1)
    assert not Source.objects.exists()


def test_a_path_that_does_not_exist_is_said_and_not_created(
    person: User, tmp_path: Path, now: datetime
) -> None:
    for scheme in ("sqlite", "langgraph+sqlite", "kaizen", "file"):
        assert "nothing lies there" in refusal(person, f"{scheme}:///{tmp_path}/none", now)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_said_to_be_one(person: User, tmp_path: Path, now: datetime) -> None:
    for scheme in ("sqlite", "langgraph+sqlite"):
        assert "is a folder" in refusal(person, f"{scheme}:///{tmp_path}", now)


def test_what_is_not_sqlite_is_said(person: User, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "notes.txt").write_text("milk, eggs")

    for scheme in ("sqlite", "langgraph+sqlite"):
        message = refusal(person, f"{scheme}:///{tmp_path}/notes.txt", now)
        assert "not a SQLite file" in message
    assert (tmp_path / "notes.txt").read_text() == "milk, eggs"


def test_missing_tables_are_said(person: User, tmp_path: Path, now: datetime) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE songs (title)")

    assert "'checkpoints'" in refusal(person, f"langgraph+sqlite:///{tmp_path}/other.db", now)
    assert "another program" in refusal(person, f"sqlite:///{tmp_path}/other.db", now)


def test_a_path_that_the_system_cannot_follow_is_said(
    person: User, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    assert "too long" in refusal(person, f"sqlite:////{'y' * 3_900}", now)
    assert refusal(person, f"sqlite:///{tmp_path}/loop/x.db", now)


def test_links_in_a_circle_are_said_where_roots_are_set(
    person: User, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    with override_settings(HOLDFAST_SOURCE_ROOTS=(tmp_path,)):
        assert "in a circle" in refusal(person, f"sqlite:///{tmp_path}/loop", now)


def test_a_store_that_is_damaged_in_any_way_is_said(
    person: User, tmp_path: Path, now: datetime
) -> None:
    damaged = {
        "graph.sqlite": "langgraph+sqlite",
        "agents.db": "sqlite",
    }
    for name, scheme in damaged.items():
        with sqlite3.connect(tmp_path / name) as database:
            database.execute("CREATE TABLE checkpoints (thread_id, checkpoint_ns, x)")
            database.execute("INSERT INTO checkpoints VALUES (x'ff', 7, NULL)")
        assert refusal(person, f"{scheme}:///{tmp_path}/{name}", now)


def test_an_error_that_no_store_should_raise_is_said(
    person: User, url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise ValueError("not a valid status")

    monkeypatch.setattr(source_tests, "open_url", fail)

    assert "cannot be read (ValueError)" in refusal(person, url, now)


def test_a_locked_store_is_said_to_be_locked(
    person: User, samples: Path, tmp_path: Path, now: datetime
) -> None:
    file = tmp_path / "graph.sqlite"
    shutil.copy(samples / "langgraph.sqlite", file)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("PRAGMA journal_mode=DELETE")
    holder.execute("BEGIN EXCLUSIVE")

    message = refusal(person, f"langgraph+sqlite:///{file}", now)

    holder.close()
    assert "lock" in message


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "give a path or an address"),
        ("nowhere", "nothing lies there"),
        ("ftp://localhost", "is not a store URL"),
        ("sqlite://host/x", "sqlite:////path for an absolute one"),
        ("sqlite:////a\0b", "control characters"),
        ("sqlite:////a%00b", "NUL"),
    ],
)
def test_what_is_no_store_url_is_said(person: User, url: str, said: str, now: datetime) -> None:
    assert said in refusal(person, url, now)


def test_a_path_at_which_nothing_lies_is_not_reached(person: User, tmp_path: Path) -> None:
    found = look_at(user=person, address=f"{tmp_path}/nowhere.db")

    assert [(step.name, step.ok) for step in found.steps][:2] == [
        ("reached", False),
        ("opened", None),
    ]


def test_several_stores_of_one_kind_are_counted_and_none_is_taken_for_the_one(
    person: User, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        save_steps(f"sqlite:///{tmp_path}/{name}.db")

    found = look_at(user=person, address=str(tmp_path))

    assert "Holdfast on SQLite (2)" in found.message
    recognised = next(step for step in found.steps if step.name == "recognised")
    assert recognised.said == source_tests.SEVERAL


def test_a_memory_store_cannot_be_a_source(person: User, now: datetime) -> None:
    assert "inside one process" in refusal(person, "memory://", now)


def test_a_store_outside_the_roots_is_not_opened(
    person: User, url: str, tmp_path: Path, now: datetime, settings: object
) -> None:
    settings.HOLDFAST_SOURCE_ROOTS = (tmp_path / "allowed",)  # type: ignore[attr-defined]

    assert "HOLDFAST_SOURCE_ROOTS" in refusal(person, url, now)


def test_a_link_that_leads_outside_the_roots_is_not_followed(
    person: User, url: str, tmp_path: Path, now: datetime, settings: object
) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link.db").symlink_to(tmp_path / "agents.db")
    settings.HOLDFAST_SOURCE_ROOTS = (tmp_path / "allowed",)  # type: ignore[attr-defined]

    assert "lies outside" in refusal(person, f"sqlite:///{tmp_path}/allowed/link.db", now)


def test_the_same_store_is_added_once(person: User, url: str, now: datetime) -> None:
    sources.add_source(user=person, url=url, name="", now=now)

    with pytest.raises(SourceRefused, match="already"):
        sources.add_source(user=person, url=url, name="again", now=now)


def test_a_reported_store_is_connected_and_keeps_its_rows(
    person: User, token: NewToken, tmp_path: Path, now: datetime
) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url, steps=1)
    store = checkpoints.open_store(url)
    saved = Push(source_url=url, records=store.history(None, "main"))
    store.close()
    ingest_push(token=token.token, push=saved, now=now)
    row = Checkpoint.objects.get()

    source = sources.connect_source(user=person, source_id=Source.objects.get().pk, now=now)
    scans.scan_source(source_id=source.pk, now=now)

    assert Checkpoint.objects.get().pk == row.pk


def test_a_reported_store_that_cannot_be_opened_stays_reported(
    person: User, token: NewToken, now: datetime
) -> None:
    ingest_push(token=token.token, push=push(), now=now)
    source = Source.objects.get()

    with pytest.raises(SourceRefused, match="only reported"):
        sources.connect_source(user=person, source_id=source.pk, now=now)

    source.refresh_from_db()
    assert not source.connected


def test_removing_a_source_takes_its_rows_and_leaves_the_store(
    person: User, url: str, tmp_path: Path
) -> None:
    clock = Clock()
    bench = register(url, thread_id="main", clock=clock)
    done = bench.run(bench.request(bench.rows()[1]))
    bench.run(bench.undo(done))
    before = (tmp_path / "agents.db").read_bytes()

    person.authenticated_at = clock()
    name = sources.remove_source(user=person, source_id=bench.source.pk, now=clock())

    assert name == "agents"
    assert not Checkpoint.objects.exists()
    assert not Operation.objects.exists()
    assert (tmp_path / "agents.db").read_bytes() == before


def test_a_source_under_an_operation_is_not_removed(person: User, url: str) -> None:
    clock = Clock()
    bench = register(url, thread_id="main", clock=clock)
    operation = bench.request(bench.rows()[1])
    assert operation.state == OperationState.QUEUED

    person.authenticated_at = clock()
    with pytest.raises(SourceRefused, match="not ended"):
        sources.remove_source(user=person, source_id=bench.source.pk, now=clock())

    assert Source.objects.exists()


def test_a_source_is_not_removed_while_something_of_it_lies_in_the_trash(
    person: User, url: str
) -> None:
    clock = Clock()
    bench = register(url, thread_id="main", clock=clock)
    operation = bench.run(bench.request(bench.rows()[1]))
    TrashedBatch.objects.create(
        operation=operation, thread=bench.thread(), trashed_at=clock(), due_at=clock()
    )

    person.authenticated_at = clock()
    with pytest.raises(SourceRefused, match="lie in the trash"):
        sources.remove_source(user=person, source_id=bench.source.pk, now=clock())

    assert Source.objects.exists()


def test_a_stranger_adds_nothing(db: None, url: str, now: datetime) -> None:
    with pytest.raises(Forbidden):
        sources.add_source(user=AnonymousUser(), url=url, name="", now=now)  # type: ignore[arg-type]
