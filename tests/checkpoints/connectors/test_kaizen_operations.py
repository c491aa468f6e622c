"""What operations promise of any store, kept in folders that the real Kaizen saves into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.state import AgentState

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.plans import Edit
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
from tests.checkpoints.connectors.kaizen_folders import files, saved

AGENT = "agent-1"
_OWN = frozenset({"checkpoint_id", "agent_id", "timestamp", "parent_checkpoint_id", "metadata"})


class InKaizen(OperableCase):
    """A folder that Kaizen's StateManager saves into."""

    @pytest.fixture
    def open_operated(self, tmp_path: Path) -> Callable[[], Any]:
        folder = tmp_path / "states"
        folder.mkdir()
        return lambda: KaizenStore(folder)

    @pytest.fixture
    def make_thread(self, tmp_path: Path) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            states = [AgentState(agent_id=AGENT, step_number=n + 1) for n in range(count)]
            ids = tuple(saved(tmp_path / "states", state) for state in states)
            return Made(AGENT, "main", ids)

        return make

    @pytest.fixture
    def go_on(self, tmp_path: Path) -> Callable[[str, str], str]:
        def save(agent_id: str, thread_id: str) -> str:
            state = AgentState(agent_id=kaizens(agent_id, thread_id), step_number=100)
            return saved(tmp_path / "states", state)

        return save

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
        assert isinstance(store, checkpoints.Store)
        yield StoreTrash(store)
        store.close()

    @pytest.fixture
    def fingerprint(self, tmp_path: Path) -> Callable[[], Any]:
        return lambda: files(tmp_path / "states")

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Callable[[str], None]:
        def cut(checkpoint_id: str) -> None:
            (path,) = (tmp_path / "states").glob(f"{checkpoint_id}.*")
            path.write_bytes(path.read_bytes()[:20])

        return cut


class TestConnecting(InKaizen, Connecting):
    pass


class TestRestoring(InKaizen, Restoring):
    @staticmethod
    def shown(state: Any) -> Any:
        return {name: value for name, value in state.items() if name not in _OWN}


class TestPruning(InKaizen, Pruning):
    pass


class TestErasures(InKaizen, Erasures):
    pass


def kaizens(agent_id: str | None, thread_id: str) -> str | None:
    """Return the agent that the suite's thread is in Kaizen: there each agent has one thread."""
    return agent_id if thread_id == "main" else thread_id


class ByThread(KaizenStore):
    """Speaks of a fork as the suite does: as another thread of the same agent.

    Of a state it shows what is the agent's own and not each checkpoint's.
    """

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        found = super().history(kaizens(agent_id, thread_id), "main", limit=limit)
        return [replace(record, agent_id=AGENT, thread_id=thread_id) for record in found]

    def get(
        self, checkpoint_id: str, *, thread_id: str | None = None, namespace: str | None = None
    ) -> Checkpoint:
        return replace(super().get(checkpoint_id), agent_id=AGENT, thread_id=thread_id or "main")

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {n: value for n, value in super().load(checkpoint).items() if n not in _OWN}

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        return super().head(kaizens(agent_id, thread_id), "main")


class TestForking(InKaizen, Forking):
    edit = Edit(path=("memory_contents", "added by the operator"), value={"why": ["drift", 1]})

    @pytest.fixture
    def open_operated(self, tmp_path: Path) -> Callable[[], Any]:
        folder = tmp_path / "states"
        folder.mkdir()
        return lambda: ByThread(folder)
