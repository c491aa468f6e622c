"""Prunes of a LangGraph file: what goes lies in the trash, what stays is gone on from as before."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langgraph.types import Command

import checkpoints
from checkpoints import ThreadPrune, ThreadPruned, TrashItem, lineage, open_native_store
from checkpoints.connectors.langgraph import pruning as pruning_module
from checkpoints.connectors.langgraph.needs import Needs
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.connectors.sqlite_files import space as space_module
from checkpoints.retention import RetentionPolicy
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors import graphs

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def sample(samples: Path, tmp_path: Path) -> Path:
    target = tmp_path / "sample.sqlite"
    shutil.copyfile(samples / "langgraph.sqlite", target)
    return target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.sqlite"


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[StoreTrash]:
    with closing(open_native_store(f"sqlite:///{tmp_path}/trash.db")) as store:
        yield StoreTrash(store)


def later() -> datetime:
    """Return a time at which no run has written for a while."""
    return datetime.now(UTC) + timedelta(minutes=10)


def opened(path: Path) -> LangGraphSqliteStore:
    return LangGraphSqliteStore(path, clock=later)


def plan(store: LangGraphSqliteStore, thread_id: str, keep: int = 3) -> ThreadPrune:
    policy = RetentionPolicy.keep_last(keep)
    made = lineage.plan_prune(store, None, thread_id, policy, now=later())
    return ThreadPrune.from_dict(json.loads(json.dumps(made.to_dict())))


def remove(store: LangGraphSqliteStore, prune: ThreadPrune, trash: StoreTrash) -> ThreadPruned:
    return store.remove(prune, operation_id="op-1", now=later(), trash=trash)


def put_back(
    store: LangGraphSqliteStore, thread_id: str, ids: Collection[str], trash: StoreTrash
) -> dict[str, str]:
    return store.put_back(None, thread_id, [*ids], operation_id="op-1", trash=trash)


def everything(path: Path) -> list[set[tuple[Any, ...]]]:
    """Return all rows of both tables."""
    with closing(sqlite3.connect(path)) as connection:
        tables = ("checkpoints", "writes")
        return [set(connection.execute(f"SELECT * FROM {table}")) for table in tables]


def execute(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def counted(path: Path, schema: type = graphs.Counting, until: int = 6) -> LangGraphSqliteStore:
    with graphs.saver(path) as saver:
        graphs.counter(saver, schema, until=until).invoke(
            {"n": 0, "log": []}, {**graphs.config("t"), "recursion_limit": 100}
        )
    return opened(path)


def roots(store: LangGraphSqliteStore, thread_id: str) -> list[checkpoints.Checkpoint]:
    return [r for r in store.history(None, thread_id) if r.namespace == ""]


class TestSample:
    def test_keeping_three_frees_four_fifths_and_every_head_is_gone_on_from(
        self, sample: Path, trash: StoreTrash
    ) -> None:
        store = opened(sample)
        threads = list(store.threads())
        histories = {t.thread_id: store.history(None, t.thread_id) for t in threads}
        size = sample.stat().st_size
        before = heads(sample, [t.thread_id for t in threads])
        freed = 0
        for thread in threads:
            prune = plan(store, thread.thread_id)
            done = remove(store, prune, trash)
            assert done.stayed == {}
            assert set(done.removed) == {d.checkpoint_id for d in prune.remove}
            freed += done.freed_bytes
        assert heads(sample, [t.thread_id for t in threads]) == before
        assert sample.stat().st_size < size * 0.2
        assert freed == size - sample.stat().st_size
        assert list(store.verify()) == []
        for thread in threads:
            goes_on(sample, thread, histories[thread.thread_id])

    def test_everything_comes_back_byte_for_byte(self, sample: Path, trash: StoreTrash) -> None:
        store = opened(sample)
        before = everything(sample)
        names = [thread.thread_id for thread in store.threads()]
        pruned = {name: remove(store, plan(store, name), trash).removed for name in names}
        assert everything(sample) != before
        for name, removed in pruned.items():
            lying = store.trashed(None, name, operation_id="op-1", trash=trash)
            assert set(lying) == set(removed)
            assert put_back(store, name, removed, trash) == {}
            assert store.trashed(None, name, operation_id="op-1", trash=trash) == {}
        assert everything(sample) == before


def heads(path: Path, thread_ids: list[str]) -> dict[str, str]:
    """Return what LangGraph reads of each thread's head and of each subgraph that lasts."""
    with graphs.saver(path) as saver:
        names = ("", "memory")
        found = {
            f"{thread} {name}": saver.get_tuple(
                {"configurable": {"thread_id": thread, "checkpoint_ns": name}}
            )
            for thread in thread_ids
            for name in names
        }
        deltas = saver.get_delta_channel_history(config=graphs.config("delta-1"), channels=["log"])
    parts = {name: (t.checkpoint, t.metadata, t.pending_writes) for name, t in found.items() if t}
    return {name: repr(part) for name, part in parts.items()} | {"delta": repr(deltas)}


def goes_on(path: Path, thread: checkpoints.Thread, history: list[checkpoints.Checkpoint]) -> None:
    """Let the real LangGraph go on from a thread's head."""
    config = graphs.config(thread.thread_id)
    ran: list[str] = []
    with graphs.saver(path) as saver:
        found = saver.get_tuple(config)
        assert found
        assert found.checkpoint["id"] == thread.head_id
        channels = {c for c in found.checkpoint["channel_values"] if c.isidentifier()}
        channels -= {"__start__", "__pregel_tasks"}
        graph = graphs.lookalike(history, channels or {"q"}, saver, ran)
        state = graph.get_state(config)
        assert sorted(state.next) == sorted(thread.next_steps)
        if any(task.interrupts for task in state.tasks):
            graph.invoke(Command(resume="yes"), config)
        else:
            graph.invoke(None if state.next else {}, config)
        assert graph.get_state(config).config["configurable"]["checkpoint_id"] > (
            thread.head_id or ""
        )


class TestWhatStays:
    @pytest.mark.parametrize("keep", [1, 2, 3, 5, 9])
    @pytest.mark.parametrize("until", [5, 11, 23])
    def test_every_checkpoint_that_stays_has_its_delta_channel(
        self, path: Path, trash: StoreTrash, keep: int, until: int
    ) -> None:
        store = counted(path, graphs.Delta, until)
        prune = plan(store, "t", keep)
        kept = {one.checkpoint_id for one in prune.keep}
        with graphs.saver(path) as saver:
            graph = graphs.counter(saver, graphs.Delta, until=until)
            before = values(graph, kept)
            done = remove(store, prune, trash)
            assert values(graph, kept) == before
            assert len(before) == len(kept)
            graph.invoke({"n": until}, {**graphs.config("t"), "recursion_limit": 100})
            log = graph.get_state(graphs.config("t")).values["log"]
        assert done.stayed == {}
        assert log == [f"event {i + 1}" for i in range(2 * until)]

    def test_a_naive_prune_would_empty_the_delta_channel(self, path: Path) -> None:
        store = counted(path, graphs.Delta, 5)
        head = roots(store, "t")[0]
        needed = store.needed_by(None, "t", [head.id])
        assert needed
        assert all("delta channel log" in reason for reason in needed.values())
        execute(path, "DELETE FROM checkpoints WHERE checkpoint_id <> ?", head.id)
        with graphs.saver(path) as saver:
            graph = graphs.counter(saver, graphs.Delta)
            assert graph.get_state(graphs.config("t")).values["log"] == []

    def test_a_subgraph_stands_where_it_stood_at_each_that_stays(
        self, path: Path, trash: StoreTrash
    ) -> None:
        with graphs.saver(path) as saver:
            graph = graphs.talk(saver)
            ends, known = [], []
            for question in "abcde":
                graph.invoke({"q": question, "turns": []}, graphs.config("t"))
                ends.append(graph.get_state(graphs.config("t")).config["configurable"])
                known.append(facts(saver))
        store = opened(path)
        wanted = {ends[1]["checkpoint_id"], ends[4]["checkpoint_id"]}
        going = {r.id: "chosen" for r in store.history(None, "t") if r.id not in wanted}
        prune = lineage.plan_removal(store, None, "t", going, now=later())
        assert remove(store, prune, trash).stayed == {}
        target = store.get(ends[1]["checkpoint_id"])
        restoring = store.plan_restore(target)
        store.restore(
            restoring,
            written_ids=store.choose_ids(restoring),
            operation_id="op-2",
            reason="",
            now=later(),
        )
        with graphs.saver(path) as saver:
            assert facts(saver) == known[1]

    def test_subgraphs_that_begin_anew_go_with_the_checkpoint_that_called_them(
        self, sample: Path, trash: StoreTrash
    ) -> None:
        store = opened(sample)
        prune = plan(store, "crew-alpha", 2)
        remove(store, prune, trash)
        left = store.history(None, "crew-alpha")
        kept = {r.id for r in left if r.namespace == ""}
        with closing(sqlite3.connect(sample)) as connection:
            found = connection.execute(
                "SELECT json_extract(CAST(metadata AS TEXT), '$.parents') FROM checkpoints"
                " WHERE thread_id = 'crew-alpha' AND checkpoint_ns <> ''"
            ).fetchall()
        policy_kept = {one.checkpoint_id for one in prune.keep if "last" in one.reason}
        under = {json.loads(parents)[""] for (parents,) in found}
        assert under <= kept | policy_kept
        assert len(left) < 30

    def test_branch_points_and_heads_are_exempt(self, path: Path, trash: StoreTrash) -> None:
        store = counted(path)
        history = roots(store, "t")
        with graphs.saver(path) as saver:
            graph = graphs.counter(saver)
            graph.update_state(graphs.config("t", history[3].id), {"n": 40})
        exempt = store.exempt(None, "t")
        head = store.head(None, "t")
        assert head
        assert exempt == {
            history[3].id: "a branch begins at it",
            head.checkpoint_id: "the head of the thread",
        }
        assert remove(store, plan(store, "t", 1), trash).stayed == {}
        assert {r.id for r in roots(store, "t")} == exempt.keys()

    @pytest.mark.parametrize("version", [1, 2, 3])
    def test_a_head_of_an_older_format_keeps_its_parent(
        self, path: Path, trash: StoreTrash, version: int
    ) -> None:
        store = counted(path)
        with closing(sqlite3.connect(path)) as connection, connection:
            rows = connection.execute("SELECT rowid, checkpoint FROM checkpoints").fetchall()
            for rowid, body in rows:
                changed = ormsgpack.packb({**ormsgpack.unpackb(body), "v": version})
                connection.execute(
                    "UPDATE checkpoints SET checkpoint = ? WHERE rowid = ?", (changed, rowid)
                )
        remove(store, plan(store, "t", 1), trash)
        left = roots(store, "t")
        assert len(left) == 2
        assert left[0].parent_id == left[1].id

    def test_what_was_sent_to_the_next_steps_stays_in_an_older_format(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path)
        history = roots(store, "t")
        with closing(sqlite3.connect(path)) as connection, connection:
            body = ormsgpack.unpackb(store.raw(history[2]))
            connection.execute(
                "UPDATE checkpoints SET checkpoint = ? WHERE checkpoint_id = ?",
                (ormsgpack.packb({**body, "v": 3}), history[2].id),
            )
            connection.execute(
                "UPDATE writes SET channel = '__pregel_tasks' WHERE checkpoint_id = ?",
                (history[3].id,),
            )
        assert store.needed_by(None, "t", [history[2].id]) == {
            history[3].id: f"what was sent to the next steps of {history[2].id} lies with it"
        }

    def test_a_row_whose_parent_goes_has_none_and_gets_it_back(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path)
        before = everything(path)
        history = roots(store, "t")
        done = remove(store, plan(store, "t", 3), trash)
        assert roots(store, "t")[-1].parent_id is None
        assert list(store.verify()) == []
        assert put_back(store, "t", done.removed, trash) == {}
        assert everything(path) == before
        assert [r.parent_id for r in roots(store, "t")] == [r.parent_id for r in history]


def values(graph: Any, ids: set[str]) -> dict[str, Any]:
    states = {name: graph.get_state(graphs.config("t", name)) for name in ids}
    return {name: (state.values, state.next) for name, state in states.items()}


def facts(saver: Any) -> list[str]:
    found = saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": "memory"}})
    return list(found.checkpoint["channel_values"]["facts"])


class TestRefusals:
    def test_a_thread_that_was_written_to_minutes_ago_is_left_out(
        self, path: Path, trash: StoreTrash
    ) -> None:
        prune = plan(counted(path), "t")
        before = everything(path)
        store = LangGraphSqliteStore(path)
        planned = lineage.plan_prune(
            store, None, "t", RetentionPolicy.keep_last(1), now=datetime.now(UTC)
        )
        assert planned.remove == ()
        assert "minutes ago" in planned.notes[-1]
        done = remove(store, prune, trash)
        assert done.removed == ()
        assert set(done.stayed) == {d.checkpoint_id for d in prune.remove}
        assert everything(path) == before

    def test_a_delta_channel_that_cannot_be_told_leaves_the_thread_out(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path, graphs.Delta, 5)
        prune = plan(store, "t", 8)
        execute(path, "UPDATE checkpoints SET type = 'msgpack+aes'")
        planned = plan(store, "t", 1)
        assert planned.remove == ()
        assert "encrypted" in planned.notes[-1]
        before = everything(path)
        assert remove(store, prune, trash).removed == ()
        assert everything(path) == before

    def test_metadata_that_cannot_be_read_leaves_the_thread_out(self, path: Path) -> None:
        store = counted(path, graphs.Delta, 5)
        execute(path, "UPDATE checkpoints SET metadata = CAST(substr(metadata, 1, 90) AS BLOB)")
        with pytest.raises(checkpoints.CorruptCheckpoint, match="delta channels"):
            store.needed_by(None, "t", [roots(store, "t")[0].id])

    def test_an_encrypted_thread_without_delta_channels_is_pruned(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path)
        execute(path, "UPDATE checkpoints SET type = 'msgpack+aes'")
        before = everything(path)
        done = remove(store, plan(store, "t", 2), trash)
        assert len(roots(store, "t")) == 2
        put_back(store, "t", done.removed, trash)
        assert everything(path) == before

    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE TRIGGER spy AFTER DELETE ON checkpoints BEGIN DELETE FROM writes; END",
            "CREATE VIEW spy AS SELECT * FROM checkpoints",
        ],
    )
    def test_a_file_with_a_trigger_or_a_view_is_not_pruned(
        self, path: Path, trash: StoreTrash, sql: str
    ) -> None:
        store = counted(path)
        prune = plan(store, "t")
        execute(path, sql)
        before = everything(path)
        with pytest.raises(checkpoints.PlanRefused, match="spy"):
            remove(store, prune, trash)
        assert everything(path) == before
        assert "spy" in LangGraphSqliteStore(path).capabilities.reasons["prune"]
        assert not LangGraphSqliteStore(path).capabilities.erase

    def test_no_trash_is_refused(self, path: Path) -> None:
        store = counted(path)
        with pytest.raises(checkpoints.PlanRefused, match="trash"):
            store.remove(plan(store, "t"), operation_id="op-1", now=later())

    def test_a_trash_that_keeps_nothing_costs_nothing(self, path: Path) -> None:
        class Forgetful(StoreTrash):
            def items(self, operation_id: str, thread_id: str) -> list[TrashItem]:
                return []

        store = counted(path)
        before = everything(path)
        with closing(open_native_store("memory://")) as native:
            with pytest.raises(checkpoints.TransientStoreError, match="nothing was moved"):
                remove(store, plan(store, "t"), Forgetful(native))
        assert everything(path) == before

    def test_a_trash_that_fails_costs_nothing(
        self, path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = counted(path)
        prune = plan(store, "t")
        before = everything(path)
        monkeypatch.setattr(trash.store, "entries", lambda *names, **values: [])
        with pytest.raises(checkpoints.PermanentStoreError, match="nothing was deleted"):
            remove(store, prune, trash)
        assert everything(path) == before

    def test_what_is_larger_than_the_trash_takes_stays(
        self, path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = counted(path)
        prune = plan(store, "t")
        largest = max(d.stored_size or 0 for d in prune.remove)
        monkeypatch.setattr(pruning_module, "_LARGEST", largest - 1)
        stayed = remove(store, prune, trash).stayed
        assert stayed
        assert all("larger" in reason for reason in stayed.values())

    def test_a_head_that_would_read_otherwise_takes_all_back(
        self, path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = counted(path, graphs.Delta, 5)
        before = everything(path)
        prune = plan(store, "t", 3)
        needless = {r.id: "" for r in roots(store, "t")[1:]}
        records = {r.id: r for r in roots(store, "t")}
        wrong = ThreadPrune(
            agent_id=prune.agent_id,
            thread_id="t",
            expected_head=prune.expected_head,
            keep=(),
            remove=tuple(
                checkpoints.Doomed(checkpoint_id=n, reason="", sha256=records[n].sha256)
                for n in needless
            ),
        )
        monkeypatch.setattr(Needs, "of", lambda self, kept: {})
        with pytest.raises(checkpoints.CorruptCheckpoint, match="read back as before"):
            remove(store, wrong, trash)
        assert everything(path) == before


class TestTogether:
    def test_two_at_once_remove_once(self, path: Path, trash: StoreTrash) -> None:
        prune = plan(counted(path), "t")
        before = everything(path)
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: remove(opened(path), prune, trash), range(4)))
        assert {one.removed for one in done} == {tuple(d.checkpoint_id for d in prune.remove)}
        put_back(opened(path), "t", done[0].removed, trash)
        assert everything(path) == before

    def test_one_that_wakes_after_the_undo_removes_nothing(
        self, path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = counted(path)
        prune = plan(store, "t")
        before = everything(path)
        keep, stopped = trash.keep, list[str]()

        def undone_meanwhile(operation_id: str, thread_id: str, items: Any) -> None:
            keep(operation_id, thread_id, items)
            if not stopped:
                stopped.append("once")
                done = remove(opened(path), prune, trash)
                put_back(opened(path), "t", done.removed, trash)

        monkeypatch.setattr(trash, "keep", undone_meanwhile)
        done = remove(store, prune, trash)
        assert done.removed == ()
        assert set(done.stayed.values()) == {"this operation was undone"}
        assert everything(path) == before

    def test_one_that_wakes_after_the_trash_was_emptied_removes_nothing(
        self, path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = counted(path)
        prune = plan(store, "t")
        before = everything(path)
        keep = trash.keep

        def emptied_meanwhile(operation_id: str, thread_id: str, items: Any) -> None:
            keep(operation_id, thread_id, items)
            keys = [item.key for item in trash.items(operation_id, thread_id)]
            trash.drop(operation_id, thread_id, keys)

        monkeypatch.setattr(trash, "keep", emptied_meanwhile)
        with pytest.raises(checkpoints.TransientStoreError, match="nothing was moved"):
            remove(store, prune, trash)
        assert everything(path) == before

    def test_what_a_run_adds_meanwhile_is_seen(
        self, path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = counted(path)
        prune = plan(store, "t", 2)
        branch = roots(store, "t")[5].id
        keep = trash.keep

        def branched_meanwhile(operation_id: str, thread_id: str, items: Any) -> None:
            keep(operation_id, thread_id, items)
            monkeypatch.undo()
            with graphs.saver(path) as saver:
                graph = graphs.counter(saver)
                graph.update_state(graphs.config("t", branch), {"n": 40})

        monkeypatch.setattr(trash, "keep", branched_meanwhile)
        done = remove(store, prune, trash)
        assert done.stayed == {branch: "a branch begins at it"}
        assert {branch, *(k.checkpoint_id for k in prune.keep)} <= {r.id for r in roots(store, "t")}
        assert list(store.verify()) == []

    def test_a_run_that_is_alive_loses_nothing(self, path: Path, trash: StoreTrash) -> None:
        counted(path)
        outcomes: list[str] = []
        pruned: set[str] = set()

        def agent() -> None:
            with graphs.saver(path) as saver:
                saver.conn.execute("PRAGMA busy_timeout = 60000")
                for _ in range(12):
                    graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(agent)
            while not running.done():
                store = opened(path)
                prune = plan(store, "t", 2)
                try:
                    operation = f"op-{len(outcomes)}"
                    done = store.remove(prune, operation_id=operation, now=later(), trash=trash)
                    outcomes.append(f"{len(done.removed)} removed")
                    pruned.update(done.removed)
                except checkpoints.TransientStoreError:
                    outcomes.append("refused")
                store.close()
            running.result()
        assert outcomes
        store = opened(path)
        # The saver writes a step's results beside the next checkpoint: those may come after the
        # checkpoint that they belong to went, since this test looks at runs of no minutes ago.
        found = list(store.verify())
        assert {finding.kind for finding in found} <= {"orphaned_writes"}
        assert {finding.checkpoint_id for finding in found} <= pruned
        with graphs.saver(path) as saver:
            state = graphs.counter(saver).get_state(graphs.config("t"))
            assert state.values["n"] == 6
            assert len(state.values["log"]) == 6 * 13


class TestBack:
    def test_an_id_that_exists_with_another_content_is_refused(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path)
        done = remove(store, plan(store, "t"), trash)
        first, *others = done.removed
        execute(
            path,
            "INSERT INTO checkpoints (thread_id, checkpoint_id, type, checkpoint)"
            " VALUES ('t', ?, 'msgpack', x'80')",
            first,
        )
        refused = put_back(store, "t", done.removed, trash)
        assert set(refused) == {first}
        assert "another content" in refused[first]
        lying = store.trashed(None, "t", operation_id="op-1", trash=trash)
        assert lying == {}
        assert {item.checkpoint_id for item in trash.items("op-1", "t")} == {first, ""}
        assert set(others) <= {r.id for r in roots(store, "t")}

    def test_writes_that_differ_are_refused_and_nothing_is_mixed(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path)
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT checkpoint_id, task_id, idx FROM writes").fetchall()
        done = remove(store, plan(store, "t"), trash)
        name, task, index = next(row for row in rows if row[0] in done.removed)
        execute(
            path,
            "INSERT INTO writes (thread_id, checkpoint_id, task_id, idx, channel, type, value)"
            " VALUES ('t', ?, ?, ?, 'n', 'msgpack', x'01')",
            *(name, task, index),
        )
        assert set(put_back(store, "t", done.removed, trash)) == {name}
        assert name not in {r.id for r in roots(store, "t")}

    def test_what_never_left_is_named(self, path: Path, trash: StoreTrash) -> None:
        store = counted(path)
        listed = roots(store, "t")[0].id
        assert put_back(store, "t", ["unknown", listed], trash) == {
            "unknown": "it does not lie in the trash of this operation"
        }

    def test_odd_values_and_columns_come_back_exactly(self, path: Path, trash: StoreTrash) -> None:
        store = counted(path)
        execute(path, "ALTER TABLE checkpoints ADD COLUMN extra")
        odd = ("NULL", "7", "2.5", "'text'", "x'00ff'", "CAST(x'fffe41' AS TEXT)")
        for number, record in enumerate(roots(store, "t")[3:]):
            execute(
                path,
                f"UPDATE checkpoints SET extra = {odd[number % len(odd)]} WHERE checkpoint_id = ?",
                record.id,
            )
        query = "SELECT checkpoint_id, typeof(extra), hex(extra) FROM checkpoints"
        with closing(sqlite3.connect(path)) as connection:
            before = set(connection.execute(query))
        done = remove(store, plan(store, "t", 2), trash)
        assert put_back(store, "t", done.removed, trash) == {}
        with closing(sqlite3.connect(path)) as connection:
            assert set(connection.execute(query)) == before

    def test_a_file_of_an_older_version_is_pruned_and_comes_back(
        self, path: Path, trash: StoreTrash
    ) -> None:
        counted(path)
        execute(path, "ALTER TABLE writes DROP COLUMN task_path")
        before = everything(path)
        store = opened(path)
        done = remove(store, plan(store, "t"), trash)
        assert done.removed
        put_back(store, "t", done.removed, trash)
        assert everything(path) == before

    def test_what_is_purged_is_counted_and_gone(self, path: Path, trash: StoreTrash) -> None:
        store = counted(path)
        done = remove(store, plan(store, "t"), trash)
        freed = store.purge(None, "t", list(done.removed), operation_id="op-1", trash=trash)
        assert freed > sum(200 for _ in done.removed)
        assert trash.items("op-1", "t") == []


class TestOddities:
    def test_parents_in_a_circle_are_pruned_and_come_back(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path, graphs.Delta, 5)
        oldest, newest = roots(store, "t")[-1], roots(store, "t")[0]
        execute(
            path,
            "UPDATE checkpoints SET parent_checkpoint_id = ? WHERE checkpoint_id = ?",
            *(newest.id, oldest.id),
        )
        before = everything(path)
        ids = [record.id for record in roots(store, "t")[1:]]
        assert set(store.needed_by(None, "t", [newest.id])) <= set(ids)
        done = remove(store, plan(store, "t", 1), trash)
        assert put_back(store, "t", done.removed, trash) == {}
        assert everything(path) == before

    def test_without_delta_channels_a_checkpoint_needs_no_other(self, path: Path) -> None:
        store = counted(path)
        assert store.needed_by(None, "t", [roots(store, "t")[2].id]) == {}

    def test_an_agent_that_the_thread_has_not_got_is_not_found(self, path: Path) -> None:
        store = counted(path)
        with pytest.raises(checkpoints.CheckpointNotFound):
            store.exempt("other", "t")
        with pytest.raises(checkpoints.CheckpointNotFound):
            store.needed_by("other", "t", [])

    def test_checkpoints_deleted_by_their_agent_meanwhile_are_named(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path)
        prune = plan(store, "t")
        with graphs.saver(path) as saver:
            saver.delete_thread("t")
        done = remove(store, prune, trash)
        assert done.removed == ()
        assert set(done.stayed.values()) == {"it is not in the store any more"}


class TestSpace:
    def test_a_file_that_others_read_is_pruned_without_giving_space_back(
        self, path: Path, trash: StoreTrash
    ) -> None:
        store = counted(path, until=60)
        prune = plan(store, "t")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM checkpoints").fetchone()
            done = remove(store, prune, trash)
            assert set(done.removed) == {d.checkpoint_id for d in prune.remove}
            assert done.freed_bytes == 0
            assert "while another process holds it" in done.notes[0]
        again = remove(store, prune, trash)
        assert again.notes == ()
        assert again.removed == done.removed
        assert again.freed_bytes > 0

    def test_a_file_that_is_too_large_to_be_written_anew_is_left_and_named(
        self, path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = counted(path, until=60)
        size = path.stat().st_size
        monkeypatch.setattr(space_module, "_MOST", 4096)
        done = remove(store, plan(store, "t"), trash)
        assert done.removed
        assert done.freed_bytes == 0
        assert "run VACUUM on it at a quiet time" in done.notes[0]
        assert path.stat().st_size >= size

    def test_what_a_run_saves_after_a_prune_is_told(self, path: Path, trash: StoreTrash) -> None:
        store = counted(path)
        cursor = store.changes(None).cursor
        remove(store, plan(store, "t"), trash)
        counted(path)
        told = {record.id for record in store.changes(cursor).checkpoints}
        assert told >= {record.id for record in roots(store, "t")[:5]}


KILLED = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from checkpoints import ThreadPrune, lineage, open_native_store
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.connectors.langgraph import pruning
from checkpoints.connectors.sqlite_files import space
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.retention import RetentionPolicy
from checkpoints.trash import StoreTrash

file, trash_file, act, place, count = sys.argv[1:]
places = {
    "keep": (StoreTrash, "keep"),
    "items": (StoreTrash, "items"),
    "drop": (StoreTrash, "drop"),
    "writing": (Database, "writing"),
    "execute": (Database, "execute"),
    "take_out": (pruning, "take_out"),
    "give_back": (space, "give_back"),
    "vacuum": (Database, "vacuum"),
}
owner, name = places[place]
original, calls = getattr(owner, name), [0]

def counted(*args, **values):
    calls[0] += 1
    if calls[0] > int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **values)

later = lambda: datetime.now(UTC) + timedelta(minutes=10)
store = LangGraphSqliteStore(Path(file), clock=later)
trash = StoreTrash(open_native_store(f"sqlite:///{trash_file}"))
policy = RetentionPolicy.keep_last(2)
prune = ThreadPrune.from_dict(eval(sys.stdin.read()))
setattr(owner, name, counted)
pruning._BATCH = 1
if act == "remove":
    store.remove(prune, operation_id="op-1", now=later(), trash=trash)
else:
    ids = [d.checkpoint_id for d in prune.remove]
    store.put_back(None, "t", ids, operation_id="op-1", trash=trash)
sys.exit(7)
"""


def killed(path: Path, prune: ThreadPrune, act: str, place: str, count: int) -> bool:
    """Run an act in a process that is killed at a place; say whether it came so far."""
    trash_file = path.with_name("trash.db")
    command = [sys.executable, "-c", KILLED, *map(str, (path, trash_file, act, place, count))]
    text = repr(prune.to_dict())
    ended = subprocess.run(
        command, cwd=ROOT, input=text, text=True, check=False, timeout=60, capture_output=True
    )
    assert ended.returncode in (-signal.SIGKILL, 7), ended.stderr
    return ended.returncode != 7


def in_both(path: Path, trash: StoreTrash) -> set[str]:
    """Return the ids of the checkpoints in the file or in the trash."""
    with closing(sqlite3.connect(path)) as connection:
        listed = {name for (name,) in connection.execute("SELECT checkpoint_id FROM checkpoints")}
    return listed | {item.checkpoint_id for item in trash.items("op-1", "t")} - {""}


REMOVE_PLACES = [
    *(("keep", count) for count in (0, 2, 6)),
    *(("items", count) for count in (0, 1)),
    *(("writing", count) for count in (0,)),
    *(("take_out", 0), ("give_back", 0), ("vacuum", 0)),
    *(("execute", count) for count in (2, 4, 9)),
]


@pytest.mark.parametrize(("place", "count"), REMOVE_PLACES)
def test_a_kill_while_pruning_leaves_all_in_the_file_or_the_trash(
    path: Path, trash: StoreTrash, place: str, count: int
) -> None:
    store = counted(path)
    prune = plan(store, "t", 2)
    before = everything(path)
    ids = in_both(path, trash)
    assert killed(path, prune, "remove", place, count)
    assert in_both(path, trash) == ids
    done = remove(store, prune, trash)
    assert set(done.removed) == {d.checkpoint_id for d in prune.remove}
    assert in_both(path, trash) == ids
    assert list(store.verify()) == []
    put_back(store, "t", done.removed, trash)
    assert everything(path) == before


BACK_PLACES = [
    *(("keep", 0), ("items", 0), ("writing", 0), ("drop", 0)),
    *(("execute", count) for count in (1, 5, 12)),
]


@pytest.mark.parametrize(("place", "count"), BACK_PLACES)
def test_a_kill_while_bringing_back_leaves_all_in_the_file_or_the_trash(
    path: Path, trash: StoreTrash, place: str, count: int
) -> None:
    store = counted(path)
    prune = plan(store, "t", 2)
    before = everything(path)
    ids = in_both(path, trash)
    remove(store, prune, trash)
    assert killed(path, prune, "put back", place, count)
    assert in_both(path, trash) == ids
    assert put_back(store, "t", [d.checkpoint_id for d in prune.remove], trash) == {}
    assert everything(path) == before
    assert remove(store, prune, trash).removed == ()
    assert everything(path) == before
