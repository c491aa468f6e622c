"""What operations promise of any store, kept in tables that the real LangGraph saves into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver

from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.stores.base import RestorableStore
from checkpoints.stores.operable import ForkableStore
from checkpoints.testing import Connecting, Forking, Made, OperableCase, Restoring
from checkpoints.testing.suite.forking import carried_out, fork
from checkpoints.testing.suite.operable import MakeThread
from tests.checkpoints.connectors import graphs, langgraph_tables

AGENT = "agent-1"


def save(saver: PostgresSaver, thread_id: str) -> str:
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


class InTables(OperableCase):
    """A database that LangGraph's PostgresSaver saves into."""

    @pytest.fixture
    def open_operated(self, postgresql_url: str) -> Iterator[Callable[[], Any]]:
        with langgraph_tables.saver(postgresql_url):
            pass
        opened: list[LangGraphPostgresqlStore] = []

        def open_it() -> LangGraphPostgresqlStore:
            opened.append(langgraph_tables.opened(postgresql_url, clock=self.clock))
            return opened[-1]

        yield open_it
        for store in opened:
            store.close()

    @staticmethod
    def clock() -> datetime:
        return datetime.now(UTC)

    @pytest.fixture
    def make_thread(self, postgresql_url: str) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            with langgraph_tables.saver(postgresql_url) as saver:
                return Made(AGENT, "main", tuple(save(saver, "main") for _ in range(count)))

        return make

    @pytest.fixture
    def go_on(self, postgresql_url: str) -> Callable[[str, str], str]:
        def one_more(agent_id: str, thread_id: str) -> str:
            with langgraph_tables.saver(postgresql_url) as saver:
                return save(saver, thread_id)

        return one_more

    @pytest.fixture
    def fingerprint(self, postgresql_url: str) -> Callable[[], Any]:
        return lambda: langgraph_tables.rows_of(postgresql_url)

    @pytest.fixture
    def damage(self, postgresql_url: str) -> Callable[[str], None]:
        def cut(checkpoint_id: str) -> None:
            langgraph_tables.execute(
                postgresql_url,
                "UPDATE checkpoint_blobs b SET blob = substr(blob, 1, length(blob) - 1)"
                " || '\\xc1' FROM checkpoints c WHERE c.checkpoint_id = %s AND b.channel = 'log'"
                " AND b.version = c.checkpoint -> 'channel_versions' ->> 'log'",
                checkpoint_id,
            )

        return cut


class TestConnecting(InTables, Connecting):
    pass


class TestRestoring(InTables, Restoring):
    pass


class TestForking(InTables, Forking):
    def test_a_fork_delivered_twice_acts_once(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        # The ancestors come along under their own ids, which nobody chooses.
        made = make_thread(3)
        fork(open_operated(), made, made.ids[1])
        listed = open_operated().history(made.agent_id, "forked")
        plan = open_operated().plan_fork(
            self.record(open_operated(), made, made.ids[1]), thread_id="elsewhere"
        )
        ids = open_operated().choose_fork_ids(plan)
        for _ in range(2):
            carried_out(open_operated(), plan, ids)
        assert len(open_operated().history(made.agent_id, "elsewhere")) == len(listed) == 2


def test_it_keeps_the_protocols(postgresql_url: str) -> None:
    with langgraph_tables.saver(postgresql_url):
        store = langgraph_tables.opened(postgresql_url)
    assert isinstance(store, RestorableStore)
    assert isinstance(store, ForkableStore)
