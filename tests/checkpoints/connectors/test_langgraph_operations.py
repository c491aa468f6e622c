"""What operations promise of any store, kept in files that the real LangGraph saves into."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from checkpoints import ForkableStore, ForkPlan, PrunableStore, Trash, open_native_store
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.stores.operable import ErasableStore
from checkpoints.testing import (
    Connecting,
    Erasures,
    Forking,
    Made,
    OperableCase,
    Pruning,
    Restoring,
)
from checkpoints.testing.suite.forking import fork
from checkpoints.testing.suite.operable import MakeThread
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors import graphs

AGENT = "agent-1"


def save(saver: SqliteSaver, thread_id: str) -> str:
    """Save one more checkpoint as LangGraph's loop does."""
    found = saver.get_tuple(graphs.config(thread_id))
    old = found.checkpoint if found else empty_checkpoint()
    step = found.metadata["step"] + 1 if found else -1
    version = saver.get_next_version(max(old["channel_versions"].values(), default=None), None)
    new = {
        **empty_checkpoint(),
        "channel_values": {"step": step, "log": [f"event {i}" for i in range(step)]},
        "channel_versions": {"step": version, "log": version},
    }
    at = found.config if found else graphs.config(thread_id)
    metadata: Any = {"source": "loop", "step": step, "parents": {}, "agent_id": AGENT}
    saved = saver.put(at, new, metadata, new["channel_versions"])
    saver.put_writes(saved, [("log", f"of {step}")], f"task {step}", "~__pregel_pull, work")
    return str(new["id"])


class InLangGraph(OperableCase):
    """A file that LangGraph's SqliteSaver saves into."""

    @pytest.fixture
    def open_operated(self, tmp_path: Path) -> Iterator[Callable[[], Any]]:
        with graphs.saver(tmp_path / "own.sqlite") as saver:
            saver.setup()
        opened: list[LangGraphSqliteStore] = []

        def open_it() -> LangGraphSqliteStore:
            opened.append(LangGraphSqliteStore(tmp_path / "own.sqlite", clock=self.clock))
            return opened[-1]

        yield open_it
        for store in opened:
            store.close()

    @staticmethod
    def clock() -> datetime:
        """Return a time at which the thread has not been written to for a while."""
        return datetime.now(UTC) + timedelta(minutes=10)

    @pytest.fixture
    def make_thread(self, tmp_path: Path) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            with graphs.saver(tmp_path / "own.sqlite") as saver:
                return Made(AGENT, "main", tuple(save(saver, "main") for _ in range(count)))

        return make

    @pytest.fixture
    def go_on(self, tmp_path: Path) -> Callable[[str, str], str]:
        def one_more(agent_id: str, thread_id: str) -> str:
            with graphs.saver(tmp_path / "own.sqlite") as saver:
                return save(saver, thread_id)

        return one_more

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        with closing(open_native_store(f"sqlite:///{tmp_path / 'trash.db'}")) as store:
            yield StoreTrash(store)

    @pytest.fixture
    def fingerprint(self, tmp_path: Path) -> Callable[[], Any]:
        return (tmp_path / "own.sqlite").read_bytes

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Callable[[str], None]:
        def cut(checkpoint_id: str) -> None:
            with closing(sqlite3.connect(tmp_path / "own.sqlite")) as connection, connection:
                connection.execute(
                    "UPDATE checkpoints SET checkpoint = substr(checkpoint, 1, 20)"
                    " WHERE checkpoint_id = ?",
                    (checkpoint_id,),
                )

        return cut


class TestConnecting(InLangGraph, Connecting):
    pass


class TestRestoring(InLangGraph, Restoring):
    @staticmethod
    def clock() -> datetime:
        return datetime.now(UTC)


class TestPruning(InLangGraph, Pruning):
    pass


class TestErasures(InLangGraph, Erasures):
    pass


class TestForking(InLangGraph, Forking):
    @staticmethod
    def clock() -> datetime:
        return datetime.now(UTC)

    def test_a_fork_delivered_twice_acts_once(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        # The ancestors come along under their own ids, which nobody chooses.
        made = make_thread(3)
        head = fork(open_operated(), made, made.ids[1])
        before = open_operated().history(AGENT, "forked")
        assert [record.id for record in before] == [head.checkpoint_id, made.ids[0]]
        plan = ForkPlan(
            agent_id=AGENT,
            thread_id="main",
            new_agent_id=AGENT,
            new_thread_id="forked",
            targets=(),
        )
        again = open_operated().fork(
            plan, written_ids=(), operation_id="op-1", reason="try again", now=self.clock()
        )
        assert again == head
        assert open_operated().history(AGENT, "forked") == before


def test_the_store_offers_every_operation(tmp_path: Path) -> None:
    with graphs.saver(tmp_path / "own.sqlite") as saver:
        saver.setup()
    with closing(LangGraphSqliteStore(tmp_path / "own.sqlite")) as store:
        assert isinstance(store, ForkableStore)
        assert isinstance(store, PrunableStore)
        assert isinstance(store, ErasableStore)
        able = store.capabilities
        assert (able.fork, able.edit, able.prune, able.erase) == (True, True, True, True)
        assert able.reasons == {}
