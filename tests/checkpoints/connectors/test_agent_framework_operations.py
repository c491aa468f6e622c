"""What any connector promises, kept in folders that the real Agent Framework saves into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.agent_framework import AgentFrameworkStore
from checkpoints.plans import Edit
from checkpoints.stores.operable import Trash
from checkpoints.stores.urls import open_store
from checkpoints.testing import ConnectorSuite, Made
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.agent_workflows import WORKFLOW, latest, saved
from tests.checkpoints.connectors.folders import look_of


class TestAgentFramework(ConnectorSuite):
    """A folder that FileCheckpointStorage saves into."""

    edit = Edit(path=("state", "added by the operator"), value={"why": ["drift", 1]})

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "agent-1"
        folder.mkdir()
        return folder

    @pytest.fixture
    def open_operated(self, folder: Path) -> Callable[[], Any]:
        return lambda: AgentFrameworkStore(folder)

    @pytest.fixture
    def make_thread(self, folder: Path) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            ids: list[str] = []
            for number in range(count):
                previous = ids[-1] if ids else None
                state = {"total": number, "pair": (number, 2)}
                ids.append(
                    saved(
                        folder,
                        previous_checkpoint_id=previous,
                        iteration_count=number,
                        state=state,
                    )
                )
            return Made("agent-1", WORKFLOW, tuple(ids))

        return make

    @pytest.fixture
    def go_on(self, folder: Path) -> Callable[[str, str], str]:
        def save(_agent_id: str, thread_id: str) -> str:
            head = latest(folder, thread_id)
            return saved(
                folder,
                name=thread_id,
                previous_checkpoint_id=head.checkpoint_id,
                iteration_count=100 + head.iteration_count,
                state=head.state,
            )

        return save

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
        assert isinstance(store, checkpoints.Store)
        yield StoreTrash(store)
        store.close()

    @pytest.fixture
    def damage(self, folder: Path) -> Callable[[str], None]:
        def cut_short(checkpoint_id: str) -> None:
            path = folder / f"{checkpoint_id}.json"
            path.write_bytes(path.read_bytes()[:100])

        return cut_short

    @pytest.fixture
    def fingerprint(self, folder: Path) -> Callable[[], Any]:
        return lambda: look_of(folder)
