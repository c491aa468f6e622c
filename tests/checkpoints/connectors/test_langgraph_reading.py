"""Reading the store that LangGraph's SqliteSaver wrote."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import checkpoints
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.records import Status
from tests.checkpoints.connectors import graphs


@pytest.fixture
def store(samples: Path) -> Iterator[LangGraphSqliteStore]:
    opened = LangGraphSqliteStore(samples / "langgraph.sqlite")
    yield opened
    opened.close()


def test_lists_every_thread_newest_first(store: LangGraphSqliteStore) -> None:
    threads = list(store.threads())
    assert len(threads) == 13
    times = [thread.updated_at for thread in threads if thread.updated_at]
    assert times == sorted(times, reverse=True)


def test_scans_every_checkpoint(store: LangGraphSqliteStore) -> None:
    changes = store.changes(None, limit=1000)
    assert len(changes.checkpoints) == 437
    assert sum(record.namespace == "" for record in changes.checkpoints) == 353
    assert changes.complete


def test_pages_of_a_scan_join_without_gap_or_overlap(
    store: LangGraphSqliteStore,
) -> None:
    cursor, seen = None, []
    while True:
        page = store.changes(cursor, limit=100)
        seen += [(r.thread_id, r.namespace, r.id) for r in page.checkpoints]
        cursor = page.cursor
        if page.complete:
            break
    assert len(seen) == len(set(seen)) == 437


def test_nothing_new_means_no_changes(store: LangGraphSqliteStore) -> None:
    cursor = store.changes(None, limit=1000).cursor
    again = store.changes(cursor)
    assert (again.checkpoints, again.threads) == ((), ())
    assert not again.reset


def test_knows_what_each_thread_is_doing(store: LangGraphSqliteStore) -> None:
    threads = {thread.thread_id: thread for thread in store.threads()}
    assert threads["etl-nightly"].status == Status.FAILED
    assert threads["etl-nightly"].next_steps == ("load",)
    assert "NULLs" in threads["etl-nightly"].detail
    assert threads["approval-7"].status == Status.WAITING
    assert "Approve as finance?" in threads["approval-7"].detail
    assert threads["support-001"].status == Status.COMPLETED


def test_names_the_agent_that_the_run_was_configured_with(
    store: LangGraphSqliteStore,
) -> None:
    agents = {thread.thread_id: thread.agent_id for thread in store.threads()}
    assert agents["coder-42"] == "coder-agent"
    assert agents["support-001"] == agents["support-002"] == "support-agent"


def test_the_next_steps_of_a_checkpoint_are_those_that_then_ran(
    store: LangGraphSqliteStore,
) -> None:
    compared = 0
    for thread in store.threads():
        records = {(r.namespace, r.id): r for r in store.history(None, thread.thread_id)}
        for record in records.values():
            parent = records.get((record.namespace, record.parent_id or ""))
            if (
                parent is None
                or record.metadata["source"] != "loop"
                or thread.thread_id == "exit-1"
            ):
                continue
            assert set(record.written_by) == set(parent.next_steps)
            compared += 1
    assert compared == 374


def test_typed_values_are_described_and_nothing_is_imported(
    store: LangGraphSqliteStore,
) -> None:
    before = set(sys.modules)
    head = store.head(None, "typed-5")
    assert head is not None
    state = store.load(store.get(head.checkpoint_id, thread_id="typed-5"))
    assert state["phase"] == {"__type__": "__main__.Phase", "value": "done"}
    assert state["steps"][0]["__type__"] == "__main__.Step"
    assert state["steps"][0]["value"]["at"]["__type__"] == "datetime.datetime"
    assert set(sys.modules) == before


def test_a_sound_file_has_no_findings(store: LangGraphSqliteStore) -> None:
    assert list(store.verify()) == []


def test_an_unknown_thread_or_checkpoint_is_not_found(
    store: LangGraphSqliteStore,
) -> None:
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.history(None, "nobody")
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.history("other-agent", "coder-42")
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.get("1f1dd39d-0000-6000-8000-000000000000")
    assert store.head(None, "nobody") is None


def test_it_keeps_the_protocol(store: LangGraphSqliteStore) -> None:
    assert isinstance(store, checkpoints.RestorableStore)


def test_bytes_in_a_state_stay_bytes(store: LangGraphSqliteStore) -> None:
    head = store.head(None, "typed-5")
    assert head is not None
    assert isinstance(store.load(store.get(head.checkpoint_id))["raw"], bytes)


def test_a_delta_channel_is_shown_as_its_snapshot_and_the_writes_since(
    store: LangGraphSqliteStore,
) -> None:
    records = [r for r in store.history(None, "delta-1") if r.step == 12]
    log = store.load(records[0])["log"]
    assert log["__type__"] == "langgraph.channels.DeltaChannel"
    assert len(log["value"]["snapshot"]["value"]) == 8
    assert len(log["value"]["writes"]) > 0


def test_the_checkpoints_of_subgraphs_carry_their_namespace(store: LangGraphSqliteStore) -> None:
    namespaces = {record.namespace for record in store.history(None, "memory-11")}
    assert namespaces == {"", "memory"}
    calls = {record.namespace.split(":")[0] for record in store.history(None, "crew-beta")}
    assert calls == {"", "researcher"}


def test_a_checkpoint_says_who_wrote_it_and_how_large_it_is(store: LangGraphSqliteStore) -> None:
    record = next(r for r in store.history(None, "crew-beta") if "researcher" in r.written_by)
    assert record.step_name == "researcher"
    assert record.size == len(store.raw(record))
    assert record.stored_size is not None
    assert record.stored_size > record.size
    assert record.sha256 == hashlib.sha256(store.raw(record)).hexdigest()


def test_a_state_that_a_person_edited_is_called_an_update(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    with graphs.saver(path) as saver:
        graph = graphs.counter(saver)
        graph.invoke({"n": 0, "log": []}, graphs.config("t"))
        graph.update_state(graphs.config("t"), {"n": 3, "log": ["edited"]}, as_node="work")
        record = LangGraphSqliteStore(path).history(None, "t")[0]
        assert record.step_name == "update"
        assert record.next_steps == graph.get_state(graphs.config("t")).next == ("work",)
