"""Prunes and erasures of tables that the real LangGraph saves into and goes on from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

import checkpoints
from checkpoints import (
    MeasurableStore,
    ThreadPrune,
    ThreadPruned,
    Trash,
    lineage,
    open_native_store,
)
from checkpoints.connectors.langgraph.needs import Needs
from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.connectors.langgraph_postgresql.exact import ExactRows
from checkpoints.plans import ThreadErasure
from checkpoints.records import RestoreTarget
from checkpoints.retention import RetentionPolicy
from checkpoints.testing import Erasures, Pruning
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors import graphs, langgraph_tables
from tests.checkpoints.connectors.test_langgraph_postgresql_operations import InTables


class InQuietTables(InTables):
    """Tables that no run has written to for a while."""

    @staticmethod
    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=10)

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        with closing(open_native_store(f"sqlite:///{tmp_path / 'trash.db'}")) as store:
            yield StoreTrash(store)


class TestPruning(InQuietTables, Pruning):
    pass


class TestErasures(InQuietTables, Erasures):
    pass


@pytest.fixture
def url(postgresql_url: str) -> str:
    with langgraph_tables.saver(postgresql_url):
        return postgresql_url


@pytest.fixture
def sample(samples: Path, postgresql_url: str) -> str:
    langgraph_tables.load_sample(samples, postgresql_url)
    return postgresql_url


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[StoreTrash]:
    with closing(open_native_store(f"sqlite:///{tmp_path / 'trash.db'}")) as store:
        yield StoreTrash(store)


def later() -> datetime:
    """Return a time at which no run has written for a while."""
    return datetime.now(UTC) + timedelta(minutes=10)


def plan(store: LangGraphPostgresqlStore, thread_id: str, keep: int = 3) -> ThreadPrune:
    policy = RetentionPolicy.keep_last(keep)
    return lineage.plan_prune(store, None, thread_id, policy, now=later())


def remove(store: LangGraphPostgresqlStore, prune: ThreadPrune, trash: StoreTrash) -> ThreadPruned:
    return store.remove(prune, operation_id="op-1", now=later(), trash=trash)


def put_back(
    store: LangGraphPostgresqlStore, thread_id: str, ids: Sequence[str], trash: StoreTrash
) -> dict[str, str]:
    return store.put_back(None, thread_id, ids, operation_id="op-1", trash=trash)


def counted(url: str, schema: type = graphs.Counting, until: int = 6) -> LangGraphPostgresqlStore:
    with langgraph_tables.saver(url) as saver:
        graphs.counter(saver, schema, until=until).invoke(
            {"n": 0, "log": []}, {**graphs.config("t"), "recursion_limit": 100}
        )
    return langgraph_tables.opened(url, clock=later)


def roots(store: LangGraphPostgresqlStore, thread_id: str) -> list[checkpoints.Checkpoint]:
    return [r for r in store.history(None, thread_id) if r.namespace == ""]


def heads(url: str, thread_ids: Sequence[str]) -> dict[str, str]:
    """Return what LangGraph reads of each thread's head and of each subgraph that lasts."""
    parts: dict[str, str] = {}
    with langgraph_tables.saver(url) as saver:
        for thread_id in thread_ids:
            for namespace in ("", "memory"):
                values = {"thread_id": thread_id, "checkpoint_ns": namespace}
                found = saver.get_tuple({"configurable": values})
                if found:
                    read = (found.checkpoint, found.metadata, found.pending_writes)
                    parts[f"{thread_id} {namespace}"] = repr(read)
    return parts


def goes_on(
    url: str, thread: checkpoints.Thread, history: Sequence[checkpoints.Checkpoint]
) -> None:
    """Let the real LangGraph go on from a thread's head."""
    config, ran = graphs.config(thread.thread_id), list[str]()
    with langgraph_tables.saver(url) as saver:
        found = saver.get_tuple(config)
        assert found
        assert found.checkpoint["id"] == thread.head_id
        channels = {c for c in found.checkpoint["channel_values"] if c.isidentifier()}
        channels -= {"__start__", "__pregel_tasks"}
        graph = graphs.lookalike(list(history), channels or {"q"}, saver, ran)
        state = graph.get_state(config)
        assert sorted(state.next) == sorted(thread.next_steps)
        if any(task.interrupts for task in state.tasks):
            graph.invoke(Command(resume="yes"), config)
        else:
            graph.invoke(None if state.next else {}, config)
        head_id = graph.get_state(config).config["configurable"]["checkpoint_id"]
        assert head_id > (thread.head_id or "")


def unreferred(url: str) -> int:
    """Return how many blobs no checkpoint refers to."""
    [(count,)] = langgraph_tables.execute(
        url,
        "SELECT count(*) FROM checkpoint_blobs b WHERE NOT EXISTS (SELECT 1 FROM checkpoints c"
        " WHERE c.thread_id = b.thread_id AND c.checkpoint_ns = b.checkpoint_ns"
        " AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version)",
    )
    return int(count)


class TestSample:
    def test_keeping_three_leaves_every_head_as_it_was_and_langgraph_goes_on(
        self, sample: str, trash: StoreTrash
    ) -> None:
        with closing(langgraph_tables.opened(sample, clock=later)) as store:
            threads = list(store.threads())
            names = [thread.thread_id for thread in threads]
            histories = {name: store.history(None, name) for name in names}
            before, counts = heads(sample, names), count(sample)
            orphans = unreferred(sample)
            for name in names:
                prune = plan(store, name)
                done = remove(store, prune, trash)
                assert done.stayed == {}
                assert set(done.removed) == {d.checkpoint_id for d in prune.remove}
                assert (done.freed_bytes > 0) == bool(done.removed)
            assert heads(sample, names) == before
            assert all(now < then / 2 for now, then in zip(count(sample), counts, strict=True))
            assert unreferred(sample) == orphans
            assert list(store.verify()) == []
            for thread in threads:
                goes_on(sample, thread, histories[thread.thread_id])

    def test_everything_comes_back_as_it_was(self, sample: str, trash: StoreTrash) -> None:
        with closing(langgraph_tables.opened(sample, clock=later)) as store:
            before = langgraph_tables.rows_of(sample)
            names = [thread.thread_id for thread in store.threads()]
            pruned = {name: remove(store, plan(store, name), trash).removed for name in names}
            assert langgraph_tables.rows_of(sample) != before
            for name, removed in pruned.items():
                lying = store.trashed(None, name, operation_id="op-1", trash=trash)
                assert set(lying) == set(removed)
                assert put_back(store, name, removed, trash) == {}
                assert trash.items("op-1", name)
                assert store.trashed(None, name, operation_id="op-1", trash=trash) == {}
            assert langgraph_tables.rows_of(sample) == before


def count(url: str) -> list[int]:
    """Return how many rows each table has."""
    return [len(rows) for rows in langgraph_tables.rows_of(url).values()]


class TestWhatStays:
    @pytest.mark.parametrize("keep", [1, 3, 9])
    @pytest.mark.parametrize("until", [5, 23])
    def test_every_checkpoint_that_stays_has_its_delta_channel(
        self, url: str, trash: StoreTrash, keep: int, until: int
    ) -> None:
        with closing(counted(url, graphs.Delta, until)) as store:
            prune = plan(store, "t", keep)
            kept = {one.checkpoint_id for one in prune.keep}
            with langgraph_tables.saver(url) as saver:
                graph = graphs.counter(saver, graphs.Delta, until=until)
                before = values(graph, kept)
                assert remove(store, prune, trash).stayed == {}
                assert values(graph, kept) == before
                assert len(before) == len(kept)
                graph.invoke({"n": until}, {**graphs.config("t"), "recursion_limit": 100})
                log = graph.get_state(graphs.config("t")).values["log"]
            assert log == [f"event {i + 1}" for i in range(2 * until)]

    def test_a_value_that_a_checkpoint_still_refers_to_stays(
        self, url: str, trash: StoreTrash
    ) -> None:
        with closing(counted(url)) as store:
            first = roots(store, "t")[-2]
            langgraph_tables.restore(url, "t", first.id)
            [restored, *_] = roots(store, "t")
            state = store.load(restored)
            assert first.id in remove(store, plan(store, "t", 1), trash).removed
            assert store.load(store.get(restored.id)) == state
            assert unreferred(url) == 0

    def test_a_head_of_an_older_format_keeps_its_parent(self, url: str, trash: StoreTrash) -> None:
        with closing(counted(url)) as store:
            langgraph_tables.execute(
                url, "UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{v}', '3')"
            )
            remove(store, plan(store, "t", 1), trash)
            head, parent = roots(store, "t")
            assert head.parent_id == parent.id
            assert parent.parent_id is None

    def test_subgraphs_that_begin_anew_go_with_the_checkpoint_that_called_them(
        self, sample: str, trash: StoreTrash
    ) -> None:
        with closing(langgraph_tables.opened(sample, clock=later)) as store:
            prune = plan(store, "crew-alpha", 2)
            assert remove(store, prune, trash).stayed == {}
            left = roots(store, "crew-alpha")
            under = langgraph_tables.execute(
                sample,
                "SELECT DISTINCT metadata -> 'parents' ->> '' FROM checkpoints"
                " WHERE thread_id = 'crew-alpha' AND checkpoint_ns <> ''",
            )
            assert {root for (root,) in under} <= {record.id for record in left}

    def test_the_thread_of_another_name_is_left_alone(self, url: str, trash: StoreTrash) -> None:
        with closing(counted(url)) as store:
            with langgraph_tables.saver(url) as saver:
                graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("other"))
            before = langgraph_tables.rows_of(url, "other")
            remove(store, plan(store, "t", 1), trash)
            assert langgraph_tables.rows_of(url, "other") == before


def values(graph: Any, ids: set[str]) -> dict[str, Any]:
    states = {name: graph.get_state(graphs.config("t", name)) for name in ids}
    return {name: (state.values, state.next) for name, state in states.items()}


class TestRefusals:
    def test_a_thread_that_was_written_to_minutes_ago_is_left_out(
        self, url: str, trash: StoreTrash
    ) -> None:
        with closing(counted(url)) as store, closing(langgraph_tables.opened(url)) as now:
            prune = plan(store, "t")
            before = langgraph_tables.rows_of(url)
            done = remove(now, prune, trash)
            assert done.removed == ()
            assert all("minutes ago" in reason for reason in done.stayed.values())
            assert langgraph_tables.rows_of(url) == before

    def test_tables_with_a_trigger_are_not_pruned(self, url: str, trash: StoreTrash) -> None:
        with closing(counted(url)) as store:
            prune = plan(store, "t")
            langgraph_tables.execute(
                url,
                "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN RETURN OLD; END';"
                " CREATE TRIGGER spy BEFORE DELETE ON checkpoints"
                " FOR EACH ROW EXECUTE FUNCTION spy()",
            )
            before = langgraph_tables.rows_of(url)
            with pytest.raises(checkpoints.PlanRefused, match="spy"):
                remove(store, prune, trash)
            assert langgraph_tables.rows_of(url) == before
            with closing(langgraph_tables.opened(url)) as anew:
                assert "spy" in anew.capabilities.reasons["prune"]

    def test_a_head_that_would_read_otherwise_takes_all_back(
        self, url: str, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(counted(url, graphs.Delta, 5)) as store:
            before = langgraph_tables.rows_of(url)
            going = {r.id: "" for r in roots(store, "t")[1:]}
            doomed = tuple(checkpoints.Doomed(checkpoint_id=n, reason="") for n in going)
            prune = replace(plan(store, "t"), remove=doomed, keep=())
            monkeypatch.setattr(Needs, "of", lambda self, kept: {})
            with pytest.raises(checkpoints.CorruptCheckpoint, match="read back as before"):
                remove(store, prune, trash)
            assert langgraph_tables.rows_of(url) == before

    def test_no_trash_is_refused(self, url: str) -> None:
        with closing(counted(url)) as store:
            with pytest.raises(checkpoints.PlanRefused, match="trash"):
                store.remove(plan(store, "t"), operation_id="op-1", now=later())


class TestBack:
    def test_one_comes_back_without_the_others(self, url: str, trash: StoreTrash) -> None:
        with closing(counted(url)) as store:
            states = {r.id: store.load(r) for r in roots(store, "t")}
            done = remove(store, plan(store, "t", 2), trash)
            for name in done.removed:
                assert put_back(store, "t", [name], trash) == {}
                assert store.load(store.get(name)) == states[name]
            assert {r.id: store.load(r) for r in roots(store, "t")} == states

    def test_a_value_goes_for_good_with_the_last_that_held_it(
        self, url: str, trash: StoreTrash
    ) -> None:
        with closing(counted(url)) as store:
            before = langgraph_tables.rows_of(url)
            done = remove(store, plan(store, "t", 2), trash)
            assert any(not item.checkpoint_id for item in trash.items("op-1", "t"))
            freed = [
                store.purge(None, "t", [name], operation_id="op-1", trash=trash)
                for name in done.removed
            ]
            assert all(size > 0 for size in freed)
            assert trash.items("op-1", "t") == []
            assert put_back(store, "t", done.removed, trash).keys() == set(done.removed)
            assert langgraph_tables.rows_of(url) != before

    def test_a_value_that_differs_by_now_is_not_mixed_in(self, url: str, trash: StoreTrash) -> None:
        with closing(counted(url)) as store:
            done = remove(store, plan(store, "t", 2), trash)
            values = [item for item in trash.items("op-1", "t") if not item.checkpoint_id]
            data: Any = values[0].data
            sql = "INSERT INTO checkpoint_blobs VALUES ('t', %s, %s, %s, 'msgpack', '\\xc0')"
            langgraph_tables.execute(url, sql, *data["value"])
            refused = put_back(store, "t", done.removed, trash)
            assert refused
            assert set(refused.values()) == {
                "a value that it held has another content in the store"
            }

    @pytest.mark.parametrize(
        "change",
        [
            "ALTER TABLE checkpoint_writes DROP COLUMN task_path",
            "ALTER TABLE checkpoints ADD COLUMN \"what is 100% odd\" interval DEFAULT '3 days'",
            "ALTER TABLE checkpoint_blobs ADD COLUMN kept numeric(9, 4)[] DEFAULT '{1.5000}'",
        ],
    )
    def test_columns_of_older_versions_and_of_others_come_back_exactly(
        self, url: str, trash: StoreTrash, change: str
    ) -> None:
        counted(url).close()
        langgraph_tables.execute(url, change)
        with closing(langgraph_tables.opened(url, clock=later)) as store:
            before = langgraph_tables.rows_of(url)
            done = remove(store, plan(store, "t", 2), trash)
            assert len(done.removed) == 6
            assert put_back(store, "t", done.removed, trash) == {}
            assert langgraph_tables.rows_of(url) == before


class TestTogether:
    def test_two_at_once_remove_once(self, url: str, trash: StoreTrash) -> None:
        with closing(counted(url)) as store:
            prune = plan(store, "t", 2)
            with ThreadPoolExecutor(2) as pool:
                both = [pool.submit(remove, store, prune, trash) for _ in range(2)]
                done = [one.result() for one in both]
            assert [set(one.removed) for one in done] == [set(done[0].removed)] * 2
            assert len(roots(store, "t")) == 2

    def test_what_a_run_goes_on_from_in_that_moment_stays(
        self, url: str, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(counted(url)) as store:
            prune, branch = plan(store, "t", 2), roots(store, "t")[4]
            delete = ExactRows.delete_values

            def branched_meanwhile(exact: ExactRows, thread_id: str, unwanted: Any) -> None:
                delete(exact, thread_id, unwanted)
                monkeypatch.undo()
                with langgraph_tables.saver(url) as saver:
                    graph = graphs.counter(saver)
                    graph.update_state(graphs.config("t", branch.id), {"n": 40})

            monkeypatch.setattr(ExactRows, "delete_values", branched_meanwhile)
            done = remove(store, prune, trash)
            assert done.stayed == {branch.id: "a branch begins at it"}
            [head, *_] = roots(store, "t")
            assert (head.parent_id, store.load(head)["n"]) == (branch.id, 40)
            assert store.load(head)["log"] == store.load(branch)["log"]
            assert list(store.verify()) == []

    def test_a_run_that_is_alive_loses_nothing(self, url: str, trash: StoreTrash) -> None:
        counted(url).close()

        def agent() -> None:
            with langgraph_tables.saver(url) as saver:
                for _ in range(8):
                    graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))

        with closing(langgraph_tables.opened(url, clock=later)) as store:
            with ThreadPoolExecutor(1) as pool:
                running, number = pool.submit(agent), 0
                while not running.done():
                    number += 1
                    with contextlib.suppress(checkpoints.TransientStoreError):
                        store.remove(
                            plan(store, "t", 2),
                            operation_id=f"op-{number}",
                            now=later(),
                            trash=trash,
                        )
                running.result()
            with langgraph_tables.saver(url) as saver:
                state = graphs.counter(saver).get_state(graphs.config("t"))
            assert state.values["n"] == 6
            assert len(state.values["log"]) == 6 * 9


class TestErased:
    def test_nothing_of_a_thread_is_left_in_any_table(self, url: str, trash: StoreTrash) -> None:
        with closing(counted(url)) as store:
            remove(store, plan(store, "t", 4), trash)
            [erasure] = lineage.plan_erase(store, thread_id="t")
            erased = lineage.erase(store, erasure, operation_id="e", now=later(), trash=trash)
            assert erased.remaining == {}
            assert count(url) == [0, 0, 0]
            assert trash.items("op-1", "t") == []

    def test_what_others_are_built_from_stays_and_is_named(
        self, url: str, trash: StoreTrash
    ) -> None:
        with closing(counted(url, graphs.Delta, 5)) as store:
            [head, parent, *_] = roots(store, "t")
            state = store.load(head)
            target = RestoreTarget(checkpoint_id=parent.id, namespace="", sha256=parent.sha256)
            erasure = ThreadErasure(agent_id="", thread_id="t", targets=(target,))
            done = store.erase_thread(erasure, operation_id="e", now=later(), trash=trash)
            assert "delta channel log" in done.remaining[parent.id]
            assert store.load(store.get(head.id)) == state


class TestSizes:
    def test_the_channel_that_hogs_the_space_is_named_with_its_node(self, sample: str) -> None:
        with closing(langgraph_tables.opened(sample)) as store:
            assert isinstance(store, MeasurableStore)
            first, *_ = store.field_sizes(None, "hog-3")
            assert (first.field, first.written_by) == ("docs", "fetch")
            assert first.size >= (first.stored_size or 0) > 1_000_000

    def test_every_byte_of_every_value_is_stored_once(self, sample: str) -> None:
        with closing(langgraph_tables.opened(sample)) as store:
            for thread in store.threads():
                [(blobs,)] = langgraph_tables.execute(
                    sample,
                    "SELECT coalesce(sum(length(blob)), 0) FROM checkpoint_blobs"
                    " WHERE thread_id = %s",
                    thread.thread_id,
                )
                found = list(store.field_sizes(None, thread.thread_id))
                assert sum(one.stored_size or 0 for one in found) >= blobs

    def test_space_is_told_with_what_belongs_to_no_checkpoint(self, sample: str) -> None:
        with closing(langgraph_tables.opened(sample)) as store:
            space = store.space()
            assert (space.stored or 0) > 1_000_000
            before = space.orphaned or 0
            langgraph_tables.execute(sample, "DELETE FROM checkpoints WHERE thread_id = 'hog-3'")
            assert (store.space().orphaned or 0) > before + 1_000_000
