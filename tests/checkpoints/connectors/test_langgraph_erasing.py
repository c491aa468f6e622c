"""Erasures in a LangGraph file: no byte of what is erased is left, and nothing else is harmed."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints import ThreadErased, ThreadErasure, lineage, open_native_store
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.connectors.langgraph_sqlite import operations as operations_module
from checkpoints.retention import RetentionPolicy
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors import graphs


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


def run(
    path: Path, thread_id: str, secret: str, schema: type = graphs.Counting, **more: Any
) -> None:
    """Let the real LangGraph run a thread whose state holds a secret all along."""
    with graphs.saver(path) as saver:
        config: Any = graphs.config(thread_id)
        config["configurable"] |= more
        graph = graphs.counter(saver, schema)
        graph.invoke({"n": 0, "log": [secret]}, config)


def opened(path: Path) -> LangGraphSqliteStore:
    return LangGraphSqliteStore(path, clock=later)


def erase(
    store: LangGraphSqliteStore, erasure: ThreadErasure, trash: StoreTrash | None
) -> ThreadErased:
    written = ThreadErasure.from_dict(json.loads(json.dumps(erasure.to_dict())))
    return store.erase_thread(written, operation_id="erase-1", now=later(), trash=trash)


def whole(store: LangGraphSqliteStore, thread_id: str) -> ThreadErasure:
    [erasure] = lineage.plan_erase(store, thread_id=thread_id)
    assert erasure.whole
    return erasure


def prune(store: LangGraphSqliteStore, thread_id: str, trash: StoreTrash) -> tuple[str, ...]:
    plan = lineage.plan_prune(store, None, thread_id, RetentionPolicy.keep_last(2), now=later())
    return store.remove(plan, operation_id="prune-1", now=later(), trash=trash).removed


def contents(path: Path) -> bytes:
    """Return every byte of a file and of what lies beside it."""
    return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))


def secret() -> str:
    return f"secret-{secrets.token_hex(16)}"


def test_no_byte_of_a_thread_is_left_in_the_file_or_its_log(path: Path, trash: StoreTrash) -> None:
    words = secret(), secret()
    for thread_id, word in zip(("gone", "kept"), words, strict=True):
        run(path, thread_id, word)
    store = opened(path)
    before = store.history(None, "kept")
    done = erase(store, whole(store, "gone"), trash)
    assert done.remaining == {}
    assert len(done.erased) == 8
    assert words[0].encode() not in contents(path)
    assert words[1].encode() in contents(path)
    assert store.history(None, "kept") == before
    assert list(store.verify()) == []
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.history(None, "gone")


def test_no_byte_of_what_an_agent_deleted_before_is_left(path: Path, trash: StoreTrash) -> None:
    word = secret()
    run(path, "t", word)
    run(path, "other", secret())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM checkpoints WHERE thread_id = 't' AND rowid > 2")
        connection.execute("DELETE FROM writes WHERE thread_id = 't'")
    assert word.encode() in contents(path)
    store = opened(path)
    erase(store, whole(store, "t"), trash)
    assert word.encode() not in contents(path)


def test_what_lies_in_the_trash_goes_along(path: Path, trash: StoreTrash, tmp_path: Path) -> None:
    words = secret(), secret()
    for thread_id, word in zip(("gone", "kept"), words, strict=True):
        run(path, thread_id, word)
    store = opened(path)
    pruned = {name: prune(store, name, trash) for name in ("gone", "kept")}
    assert trash.operations("gone") == ["prune-1"]
    done = erase(store, whole(store, "gone"), trash)
    assert done.remaining == {}
    assert trash.operations("gone") == []
    assert trash.items("prune-1", "gone") == []
    with closing(sqlite3.connect(tmp_path / "trash.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert words[0].encode() not in contents(path) + contents(tmp_path / "trash.db")
    lying = store.trashed(None, "kept", operation_id="prune-1", trash=trash)
    assert set(lying) == set(pruned["kept"])


def test_what_a_user_left_is_erased(path: Path, trash: StoreTrash) -> None:
    word = secret()
    run(path, "t", word, user_id="ana")
    with graphs.saver(path) as saver:
        graphs.counter(saver).update_state(graphs.config("t"), {"n": 6})
    store = opened(path)
    plans = lineage.plan_erase(store, user_id="ana")
    assert [(plan.thread_id, plan.whole) for plan in plans] == [("t", False)]
    done = erase(store, plans[0], trash)
    assert done.remaining == {}
    left = store.history(None, "t")
    assert [record.parent_id for record in left] == [None]
    assert not any(record.metadata.get("user_id") for record in left)
    assert list(store.verify()) == []
    with graphs.saver(path) as saver:
        assert graphs.counter(saver).get_state(graphs.config("t")).values["n"] == 6


def test_what_others_are_built_from_stays_and_is_named(path: Path, trash: StoreTrash) -> None:
    run(path, "t", secret(), graphs.Delta)
    store = opened(path)
    head, *others = [r for r in store.history(None, "t") if r.namespace == ""]
    erasure = whole(store, "t")
    some = ThreadErasure(
        agent_id=erasure.agent_id,
        thread_id="t",
        targets=tuple(t for t in erasure.targets if t.checkpoint_id != head.id),
    )
    with graphs.saver(path) as saver:
        graph = graphs.counter(saver, graphs.Delta)
        before = graph.get_state(graphs.config("t")).values
        done = erase(store, some, trash)
        assert graph.get_state(graphs.config("t")).values == before
    assert done.remaining
    assert all("delta channel log" in reason for reason in done.remaining.values())
    assert {t.checkpoint_id for t in done.erased} == {r.id for r in others} - set(done.remaining)


def test_a_subgraphs_state_at_what_stays_does_not_hold_an_erasure_up(
    path: Path, trash: StoreTrash
) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.talk(saver)
        for question in "abc":
            graph.invoke({"q": question, "turns": []}, graphs.config("t"))
    store = opened(path)
    erasure = whole(store, "t")
    inner = ThreadErasure(
        agent_id=erasure.agent_id,
        thread_id="t",
        targets=tuple(t for t in erasure.targets if t.namespace == "memory"),
    )
    done = erase(store, inner, trash)
    assert done.remaining == {}
    assert {record.namespace for record in store.history(None, "t")} == {""}


def test_done_again_it_finds_what_is_gone(path: Path, trash: StoreTrash) -> None:
    run(path, "t", secret())
    run(path, "other", secret())
    store = opened(path)
    erasure = whole(store, "t")
    first = erase(store, erasure, trash)
    again = erase(store, erasure, trash)
    assert (again.erased, again.remaining) == (first.erased, {})


def test_while_another_process_reads_the_file_it_says_that_bytes_may_be_left(
    path: Path, trash: StoreTrash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations_module, "_PATIENCE", 0.1)
    word = secret()
    run(path, "t", word)
    store = opened(path)
    erasure = whole(store, "t")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM checkpoints").fetchone()
        done = erase(store, erasure, trash)
        assert done.erased == ()
        assert set(done.remaining) == {target.checkpoint_id for target in erasure.targets}
        assert all("another process holds" in reason for reason in done.remaining.values())
        assert word.encode() in contents(path)
    assert erase(store, erasure, trash).remaining == {}
    assert word.encode() not in contents(path)


def test_a_file_that_keeps_no_log_is_erased_in(path: Path, trash: StoreTrash) -> None:
    word = secret()
    run(path, "t", word)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    store = opened(path)
    assert erase(store, whole(store, "t"), trash).remaining == {}
    assert word.encode() not in contents(path)


def test_a_file_with_a_trigger_is_not_erased_in(path: Path, trash: StoreTrash) -> None:
    run(path, "t", secret())
    store = opened(path)
    erasure = whole(store, "t")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER spy AFTER DELETE ON writes BEGIN DELETE FROM checkpoints; END"
        )
    with pytest.raises(checkpoints.PlanRefused, match="trigger spy"):
        erase(store, erasure, trash)
    assert len(store.history(None, "t")) == len(erasure.targets)


def test_without_a_trash_the_file_alone_is_erased_in(path: Path) -> None:
    run(path, "t", secret())
    store = opened(path)
    assert erase(store, whole(store, "t"), None).remaining == {}


def test_a_fork_is_taken_back_by_erasing_its_thread(path: Path, trash: StoreTrash) -> None:
    run(path, "t", secret())
    store = LangGraphSqliteStore(path)
    before = store.history(None, "t")
    plan = store.plan_fork(before[2], thread_id="fork")
    store.fork(
        plan,
        written_ids=store.choose_fork_ids(plan),
        operation_id="op-1",
        reason="",
        now=datetime.now(UTC),
    )
    assert erase(store, whole(store, "fork"), trash).remaining == {}
    assert store.history(None, "t") == before
    with closing(sqlite3.connect(path)) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table} WHERE thread_id = 'fork'").fetchone()
            for table in ("checkpoints", "writes")
        ]
    assert counts == [(0,), (0,)]
