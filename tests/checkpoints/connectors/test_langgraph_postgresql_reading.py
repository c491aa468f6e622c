"""Reading the tables that LangGraph's PostgresSaver wrote."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import checkpoints
from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.records import Status
from tests.checkpoints.connectors.langgraph_tables import execute, load_sample, opened


@pytest.fixture
def store(samples: Path, postgresql_url: str) -> Iterator[LangGraphPostgresqlStore]:
    load_sample(samples, postgresql_url)
    found = opened(postgresql_url)
    yield found
    found.close()


def test_every_thread_is_listed_newest_first_with_what_it_is_doing(
    store: LangGraphPostgresqlStore,
) -> None:
    listed = list(store.threads())
    times = [thread.updated_at for thread in listed if thread.updated_at]
    assert len(times) == 13
    assert times == sorted(times, reverse=True)
    threads = {thread.thread_id: thread for thread in listed}
    assert threads["etl-nightly"].status == Status.FAILED
    assert threads["etl-nightly"].next_steps == ("load",)
    assert "NULLs" in threads["etl-nightly"].detail
    assert threads["approval-7"].status == Status.WAITING
    assert "Approve as finance?" in threads["approval-7"].detail
    assert threads["support-001"].status == Status.COMPLETED
    assert threads["coder-42"].agent_id == "coder-agent"


def test_pages_of_a_scan_join_without_gap_or_overlap(store: LangGraphPostgresqlStore) -> None:
    cursor, seen, left = None, [], []
    while True:
        page = store.changes(cursor, limit=100)
        seen += [(r.thread_id, r.namespace, r.id) for r in page.checkpoints]
        left.append(page.remaining)
        cursor = page.cursor
        if page.complete:
            break
    assert len(seen) == len(set(seen)) == 437
    assert left == [337, 237, 137, 37, 0]


def test_the_next_steps_of_a_checkpoint_are_those_that_then_ran(
    store: LangGraphPostgresqlStore,
) -> None:
    compared = 0
    for thread in store.threads():
        records = {(r.namespace, r.id): r for r in store.history(None, thread.thread_id)}
        for record in records.values():
            parent = records.get((record.namespace, record.parent_id or ""))
            ended = thread.thread_id == "exit-1"
            if parent is None or record.metadata["source"] != "loop" or ended:
                continue
            assert set(record.written_by) == set(parent.next_steps)
            compared += 1
    assert compared == 374


def test_typed_values_are_described_and_nothing_is_imported(
    store: LangGraphPostgresqlStore,
) -> None:
    before = set(sys.modules)
    head = store.head(None, "typed-5")
    assert head is not None
    state = store.load(store.get(head.checkpoint_id, thread_id="typed-5"))
    assert state["phase"] == {"__type__": "__main__.Phase", "value": "done"}
    assert state["steps"][0]["__type__"] == "__main__.Step"
    assert isinstance(state["raw"], bytes)
    assert set(sys.modules) == before


def test_a_delta_channel_is_shown_as_its_snapshot_and_the_writes_since(
    store: LangGraphPostgresqlStore,
) -> None:
    record = next(r for r in store.history(None, "delta-1") if r.step == 12)
    log = store.load(record)["log"]
    assert log["__type__"] == "langgraph.channels.DeltaChannel"
    assert len(log["value"]["snapshot"]["value"]) == 8
    assert len(log["value"]["writes"]) > 0


def test_every_state_is_read_and_the_tables_are_sound(store: LangGraphPostgresqlStore) -> None:
    for thread in store.threads():
        for record in store.history(thread.agent_id, thread.thread_id):
            assert store.load(record) is not None
            assert record.damage is None
            assert len(store.raw(record)) >= (record.size or 0)
    assert list(store.verify()) == []


def test_what_lies_in_the_store_for_each_adds_up_to_what_the_rows_take(
    store: LangGraphPostgresqlStore, postgresql_url: str
) -> None:
    records = [r for t in store.threads() for r in store.history(None, t.thread_id)]
    [(taken,)] = execute(
        postgresql_url,
        "SELECT (SELECT sum(length(checkpoint::text) + length(metadata::text)) FROM checkpoints)"
        " + (SELECT sum(length(blob)) FROM checkpoint_blobs)"
        " + (SELECT sum(length(blob)) FROM checkpoint_writes)",
    )
    told = sum(record.stored_size or 0 for record in records)
    assert abs(told - taken) < taken / 100


def test_a_value_that_was_written_and_is_gone_is_found(
    store: LangGraphPostgresqlStore, postgresql_url: str
) -> None:
    head = store.head(None, "support-001")
    assert head
    record = next(r for r in store.history(None, "support-001") if "agent" in r.written_by)
    execute(
        postgresql_url,
        "DELETE FROM checkpoint_blobs b USING checkpoints c WHERE c.checkpoint_id = %s"
        " AND b.thread_id = c.thread_id AND b.channel = 'messages'"
        " AND b.version = c.checkpoint -> 'channel_versions' ->> 'messages'",
        record.id,
    )
    found = {(f.kind, f.checkpoint_id) for f in store.verify()}
    assert ("missing_blob", record.id) in found


def test_writes_of_a_checkpoint_that_is_gone_are_found(
    store: LangGraphPostgresqlStore, postgresql_url: str
) -> None:
    [name] = [r.id for r in store.history(None, "coder-42") if r.step == 3]
    execute(postgresql_url, "DELETE FROM checkpoints WHERE checkpoint_id = %s", name)
    found = {(f.kind, f.checkpoint_id) for f in store.verify()}
    assert ("orphaned_writes", name) in found
    assert "missing_parent" in {kind for kind, _ in found}


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        '"text"',
        "{}",
        '{"channel_versions": 5}',
        '{"channel_values": [1]}',
        '{"channel_versions": {"messages": {"a": 1}}, "channel_values": {}}',
    ],
)
def test_bodies_of_any_form_are_listed_and_harm_no_other(
    store: LangGraphPostgresqlStore, postgresql_url: str, body: str
) -> None:
    target = store.history(None, "coder-42")[5]
    statement = "UPDATE checkpoints SET checkpoint = %s::jsonb WHERE checkpoint_id = %s"
    execute(postgresql_url, statement, body, target.id)
    history = store.history(None, "coder-42")
    assert len(history) == 38
    assert all(store.load(r) for r in history if r.id != target.id)
    assert store.changes(None, limit=1000).complete
    list(store.verify())


def test_an_unknown_thread_or_checkpoint_is_not_found(store: LangGraphPostgresqlStore) -> None:
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.history(None, "nobody")
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.history("other-agent", "coder-42")
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.get("1f1dd39d-0000-6000-8000-000000000000")
    assert store.head(None, "nobody") is None


def test_an_id_that_two_threads_have_needs_the_threads_name(
    store: LangGraphPostgresqlStore, postgresql_url: str
) -> None:
    record = store.history(None, "coder-42")[0]
    execute(
        postgresql_url,
        "INSERT INTO checkpoints SELECT 'copy', checkpoint_ns, checkpoint_id,"
        " parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints"
        " WHERE checkpoint_id = %s",
        record.id,
    )
    with pytest.raises(checkpoints.AmbiguousReference):
        store.get(record.id)
    assert store.get(record.id, thread_id="coder-42") == record


def test_questions_are_those_of_the_interrupt(store: LangGraphPostgresqlStore) -> None:
    head = store.head(None, "approval-7")
    assert head
    [question] = store.questions(store.get(head.checkpoint_id))
    assert "Approve as finance?" in question
