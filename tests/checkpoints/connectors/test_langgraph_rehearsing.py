"""Copies on which a restore is tried: it does there what it would do on the file itself."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints import RehearsableStore
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.base import RestorableStore
from tests.checkpoints.connectors import graphs


@pytest.fixture
def sample(samples: Path, tmp_path: Path) -> Iterator[LangGraphSqliteStore]:
    shutil.copyfile(samples / "langgraph.sqlite", tmp_path / "sample.sqlite")
    with closing(LangGraphSqliteStore(tmp_path / "sample.sqlite")) as store:
        yield store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rehearsal"
    made.mkdir()
    return made


def now() -> datetime:
    return datetime.now(UTC)


def restore(store: RestorableStore, checkpoint: Checkpoint) -> Head:
    plan = store.plan_restore(checkpoint)
    return store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id="op-1",
        reason="try it",
        now=now(),
    )


def roots(store: LangGraphSqliteStore, thread_id: str) -> list[Checkpoint]:
    return [record for record in store.history(None, thread_id) if record.namespace == ""]


THREADS = (
    "approval-7",
    "coder-42",
    "crew-alpha",
    "crew-beta",
    "delta-1",
    "drift-9",
    "etl-nightly",
    "exit-1",
    "hog-3",
    "memory-11",
    "support-001",
    "support-002",
    "typed-5",
)


@pytest.mark.parametrize("thread_id", THREADS)
@pytest.mark.parametrize("position", [0.0, 0.5, 0.99])
def test_a_restore_on_the_copy_does_what_it_does_on_the_file(
    sample: LangGraphSqliteStore, folder: Path, thread_id: str, position: float
) -> None:
    found = roots(sample, thread_id)
    target = found[int(position * len(found))]
    with closing(sample.copy_for_rehearsal(target, folder)) as copy:
        assert copy.plan_restore(target) == sample.plan_restore(target)
        assert copy.head(None, thread_id) == sample.head(None, thread_id)
        assert copy.load(target) == sample.load(target)
        for store in (copy, sample):
            head = restore(store, target)
            assert store.head(None, thread_id) == head
            restored = store.get(head.checkpoint_id, thread_id=thread_id)
            assert store.load(restored) == sample.load(target)
            assert restored.next_steps == target.next_steps


@pytest.mark.parametrize("thread_id", THREADS)
def test_the_copy_has_the_thread_and_nothing_else(
    sample: LangGraphSqliteStore, folder: Path, thread_id: str
) -> None:
    target = roots(sample, thread_id)[-1]
    with closing(sample.copy_for_rehearsal(target, folder)) as copy:
        [thread] = copy.threads()
        assert thread in list(sample.threads())
        [file] = folder.iterdir()
        assert file.stat().st_size < 400_000
        assert file.stat().st_mode & 0o077 == 0


def test_the_file_is_not_changed(sample: LangGraphSqliteStore, folder: Path) -> None:
    before = sample.path.read_bytes()
    target = roots(sample, "memory-11")[5]
    with closing(sample.copy_for_rehearsal(target, folder)) as copy:
        restore(copy, target)
    assert sample.path.read_bytes() == before


def test_langgraph_goes_on_in_the_copy(sample: LangGraphSqliteStore, folder: Path) -> None:
    target = next(r for r in roots(sample, "delta-1")[10:] if r.next_steps)
    with graphs.saver(sample.path) as saver:
        graph = graphs.counter(saver, graphs.Delta, until=50)
        expected = graph.get_state(graphs.config("delta-1", target.id)).values
    with closing(sample.copy_for_rehearsal(target, folder)) as copy:
        restore(copy, target)
    [file] = folder.iterdir()
    with graphs.saver(file) as saver:
        graph = graphs.counter(saver, graphs.Delta, until=50)
        assert graph.get_state(graphs.config("delta-1")).values == expected
        assert graph.invoke(None, graphs.config("delta-1"))["n"] == 50


def test_a_subgraph_that_keeps_its_state_goes_back_in_the_copy(
    sample: LangGraphSqliteStore, folder: Path
) -> None:
    target = roots(sample, "memory-11")[14]
    with closing(sample.copy_for_rehearsal(target, folder)) as copy:
        restore(copy, target)
    restore(sample, target)
    [file] = folder.iterdir()
    assert facts(file) == facts(sample.path)


def facts(path: Path) -> Any:
    with graphs.saver(path) as saver:
        found = saver.get_tuple(
            {"configurable": {"thread_id": "memory-11", "checkpoint_ns": "memory"}}
        )
    assert found
    return found.checkpoint["channel_values"]["facts"]


def execute(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def test_a_file_of_an_older_version_is_copied(sample: LangGraphSqliteStore, folder: Path) -> None:
    execute(sample.path, "ALTER TABLE writes DROP COLUMN task_path")
    with closing(LangGraphSqliteStore(sample.path)) as older:
        target = roots(older, "etl-nightly")[3]
        with closing(older.copy_for_rehearsal(target, folder)) as copy:
            assert copy.plan_restore(target) == older.plan_restore(target)
            restore(copy, target)


def test_what_cannot_be_restored_is_not_copied(sample: LangGraphSqliteStore, folder: Path) -> None:
    target = roots(sample, "etl-nightly")[3]
    execute(sample.path, "UPDATE checkpoints SET type = 'msgpack+aes'")
    with pytest.raises(checkpoints.CorruptCheckpoint, match="encrypted"):
        sample.copy_for_rehearsal(target, folder)
    execute(sample.path, "DELETE FROM checkpoints")
    with pytest.raises(checkpoints.CheckpointNotFound):
        sample.copy_for_rehearsal(target, folder)
    assert list(folder.iterdir()) == []


def test_a_folder_that_holds_the_file_already_is_refused(
    sample: LangGraphSqliteStore, folder: Path
) -> None:
    target = roots(sample, "etl-nightly")[3]
    sample.copy_for_rehearsal(target, folder).close()
    with pytest.raises(checkpoints.PermanentStoreError, match="cannot be written"):
        sample.copy_for_rehearsal(target, folder)


def test_the_store_says_that_it_can(sample: LangGraphSqliteStore) -> None:
    assert isinstance(sample, RehearsableStore)
