"""What any connector promises, kept in folders that are written by the rules of DreamOS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.dreamos import DreamosStore
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.operable import Trash
from checkpoints.stores.urls import open_store
from checkpoints.testing import (
    Connecting,
    Erasures,
    Forking,
    Made,
    OperableCase,
    Pruning,
    Restoring,
)
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.dreamos_rules import Agent, state_of
from tests.checkpoints.connectors.folders import look_of

AGENT = "agent-1"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class InDreamos(OperableCase):
    """A project in which DreamOS agents save."""

    @pytest.fixture
    def agent(self, tmp_path: Path) -> Agent:
        agent = Agent(tmp_path / "project", AGENT)
        agent.folder.mkdir(parents=True)
        return agent

    @pytest.fixture
    def open_operated(self, agent: Agent) -> Callable[[], Any]:
        return lambda: DreamosStore(agent.project)

    @pytest.fixture
    def make_thread(self, agent: Agent) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            minutes = [timedelta(minutes=number) for number in range(count)]
            ids = [agent.save(state_of(n), NOON + after) for n, after in enumerate(minutes)]
            return Made(AGENT, "main", tuple(ids))

        return make

    @pytest.fixture
    def go_on(self, agent: Agent) -> Callable[[str, str], str]:
        def save(agent_id: str, thread_id: str) -> str:
            saving = Agent(agent.project, dreamos(agent_id, thread_id) or AGENT)
            newest = DreamosStore(agent.project).history(saving.agent_id, "main")[0]
            return saving.save(state_of(100), newest.created_at + timedelta(minutes=1))

        return save

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
        assert isinstance(store, checkpoints.Store)
        yield StoreTrash(store)
        store.close()

    @pytest.fixture
    def damage(self, agent: Agent) -> Callable[[str], None]:
        def cut_short(checkpoint_id: str) -> None:
            path = agent.folder / f"{checkpoint_id}.checkpoint"
            path.write_bytes(path.read_bytes()[:100])

        return cut_short

    @pytest.fixture
    def fingerprint(self, agent: Agent) -> Callable[[], Any]:
        return lambda: look_of(agent.project)


class TestConnecting(InDreamos, Connecting):
    pass


class TestRestoring(InDreamos, Restoring):
    pass


class TestPruning(InDreamos, Pruning):
    pass


class TestErasures(InDreamos, Erasures):
    pass


def dreamos(agent_id: str | None, thread_id: str) -> str | None:
    """Return the agent that the suite's thread is in DreamOS: there each agent has one thread."""
    return agent_id if thread_id == "main" else thread_id


class ByThread(DreamosStore):
    """Speaks of a fork as the suite does: as another thread of the same agent."""

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        found = super().history(dreamos(agent_id, thread_id), "main", limit=limit)
        return [replace(record, agent_id=AGENT, thread_id=thread_id) for record in found]

    def get(
        self, checkpoint_id: str, *, thread_id: str | None = None, namespace: str | None = None
    ) -> Checkpoint:
        return replace(super().get(checkpoint_id), agent_id=AGENT, thread_id=thread_id or "main")

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return super().load(replace(checkpoint, thread_id="main"))

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        return super().head(dreamos(agent_id, thread_id), "main")


class TestForking(InDreamos, Forking):
    @pytest.fixture
    def open_operated(self, agent: Agent) -> Callable[[], Any]:
        return lambda: ByThread(agent.project)
