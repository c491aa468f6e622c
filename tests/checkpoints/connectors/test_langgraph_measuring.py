"""What LangGraph's channels and files take up, told from real files."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import ormsgpack
import pytest

import checkpoints
from checkpoints import MeasurableStore
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from tests.checkpoints.connectors import graphs


@pytest.fixture
def sample(samples: Path, tmp_path: Path) -> Iterator[LangGraphSqliteStore]:
    shutil.copyfile(samples / "langgraph.sqlite", tmp_path / "sample.sqlite")
    with closing(LangGraphSqliteStore(tmp_path / "sample.sqlite")) as store:
        yield store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.sqlite"


def execute(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def opened_count(path: Path) -> LangGraphSqliteStore:
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
    return LangGraphSqliteStore(path)


def test_a_file_can_be_measured(sample: LangGraphSqliteStore) -> None:
    assert isinstance(sample, MeasurableStore)


def test_the_channel_that_hogs_the_space_is_named_with_its_node(
    sample: LangGraphSqliteStore,
) -> None:
    first, second, *_ = sample.field_sizes(None, "hog-3")
    assert (first.field, first.written_by, first.checkpoints) == ("docs", "fetch", 31)
    assert first.size > 2_000_000 > 10_000 * second.size


def test_sizes_come_largest_first(sample: LangGraphSqliteStore) -> None:
    for thread in sample.threads():
        sizes = [found.size for found in sample.field_sizes(None, thread.thread_id)]
        assert sizes == sorted(sizes, reverse=True)


def test_every_byte_of_every_value_is_counted_once(sample: LangGraphSqliteStore) -> None:
    with closing(sqlite3.connect(sample.path)) as connection:
        for thread in sample.threads():
            name = (thread.thread_id,)
            written = "SELECT ifnull(sum(length(value)), 0) FROM writes WHERE thread_id = ?"
            [[expected]] = connection.execute(written, name)
            bodies = "SELECT checkpoint FROM checkpoints WHERE thread_id = ?"
            for (body,) in connection.execute(bodies, name):
                content = ormsgpack.unpackb(body, ext_hook=ormsgpack.Ext)
                packed = (ormsgpack.packb(v) for v in content["channel_values"].values())
                expected += sum(map(len, packed))
            found = list(sample.field_sizes(None, thread.thread_id))
            assert sum(one.size for one in found) == expected
            assert all(one.size == one.stored_size for one in found)


def test_a_value_belongs_to_the_node_that_wrote_it_until_another_does(path: Path) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.fan(saver)
        graph.invoke({"seen": []}, graphs.config("t"))
    with closing(LangGraphSqliteStore(path)) as store:
        seen = {f.written_by: f for f in store.field_sizes(None, "t") if f.field == "seen"}
        assert set(seen) == {"__start__", "left, right", "left", "right", "right_again"}
        assert seen["right_again"].checkpoints == 2


def test_what_a_node_sent_is_told_by_the_nodes_that_it_was_sent_to(
    sample: LangGraphSqliteStore,
) -> None:
    findings = [f for f in sample.field_sizes(None, "crew-alpha") if f.field == "findings"]
    assert {one.written_by for one in findings} <= {"researcher", "__start__"}


def test_a_file_of_an_older_version_does_not_tell_the_nodes(path: Path) -> None:
    opened_count(path).close()
    execute(path, "ALTER TABLE writes DROP COLUMN task_path")
    with closing(LangGraphSqliteStore(path)) as store:
        found = list(store.field_sizes(None, "t"))
        assert found
        assert {one.written_by for one in found} == {None}


@pytest.mark.parametrize("damage", ["checkpoint = x'c1'", "type = 'msgpack+aes'"])
def test_checkpoints_that_cannot_be_read_are_passed_over(path: Path, damage: str) -> None:
    with closing(opened_count(path)) as store:
        before = held(store, "log")
        head = store.history(None, "t")[0]
        execute(path, f"UPDATE checkpoints SET {damage} WHERE checkpoint_id = ?", head.id)
        assert held(store, "log") == before - 1


def held(store: LangGraphSqliteStore, channel: str) -> int:
    """Return in how many checkpoints a channel lies, each counted once for each node."""
    return sum(f.checkpoints for f in store.field_sizes(None, "t") if f.field == channel)


def test_measuring_imports_nothing_and_changes_no_byte(sample: LangGraphSqliteStore) -> None:
    list(sample.field_sizes(None, "exit-1"))
    before, loaded = sample.path.read_bytes(), set(sys.modules)
    for thread in sample.threads():
        list(sample.field_sizes(None, thread.thread_id))
    sample.space()
    assert (sample.path.read_bytes(), set(sys.modules)) == (before, loaded)


def test_an_unknown_thread_is_not_found(sample: LangGraphSqliteStore) -> None:
    with pytest.raises(checkpoints.CheckpointNotFound):
        list(sample.field_sizes(None, "nobody"))
    with pytest.raises(checkpoints.CheckpointNotFound):
        list(sample.field_sizes("another agent", "hog-3"))


class TestSpace:
    def test_it_is_the_file_and_its_log(self, path: Path) -> None:
        with graphs.saver(path) as saver:
            graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
            log = path.with_name("own.sqlite-wal").stat().st_size
            with closing(LangGraphSqliteStore(path)) as store:
                assert log > 0
                assert store.space().stored == path.stat().st_size + log

    def test_what_deleted_rows_leave_is_free(self, sample: LangGraphSqliteStore) -> None:
        assert sample.space().free == 0
        execute(sample.path, "DELETE FROM checkpoints WHERE thread_id = 'hog-3'")
        assert (sample.space().free or 0) > 2_000_000

    def test_writes_of_no_checkpoint_are_orphaned(self, sample: LangGraphSqliteStore) -> None:
        assert sample.space().orphaned == 0
        with closing(sqlite3.connect(sample.path)) as connection:
            sql = "SELECT sum(length(value)) FROM writes WHERE thread_id = 'typed-5'"
            [[values]] = connection.execute(sql)
        execute(sample.path, "DELETE FROM checkpoints WHERE thread_id = 'typed-5'")
        assert (sample.space().orphaned or 0) > values > 0
