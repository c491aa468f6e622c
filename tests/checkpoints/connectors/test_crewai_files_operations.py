"""What operations promise of any store, kept in a folder of CrewAI's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.crewai import CrewAIFolderStore
from checkpoints.records import Checkpoint
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
from tests.checkpoints.connectors.crewai_stores import save_file, state

AGENT = "research_crew"
_OWN = frozenset({"parent_id", "branch", "holdfast"})


class OwnState(CrewAIFolderStore):
    """Shows of a state what is the crew's own and not each checkpoint's."""

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {n: value for n, value in super().load(checkpoint).items() if n not in _OWN}


class InCrewAI(OperableCase):
    """A folder that CrewAI's JsonProvider saves into."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "checkpoints"
        folder.mkdir()
        return folder

    @pytest.fixture
    def open_operated(self, folder: Path) -> Callable[[], Any]:
        return lambda: OwnState(folder)

    @pytest.fixture
    def make_thread(self, folder: Path) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            ids: list[str] = []
            for done in range(count):
                parent = ids[-1] if ids else None
                ids.append(save_file(folder, state(done, parent_id=parent)))
            return Made(AGENT, "main", tuple(ids))

        return make

    @pytest.fixture
    def go_on(self, folder: Path) -> Callable[[str, str], str]:
        def save(agent_id: str, thread_id: str) -> str:
            head = OwnState(folder).head(agent_id, thread_id)
            parent = head.checkpoint_id if head else None
            return save_file(folder, state(5, parent_id=parent, branch=thread_id))

        return save

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
        assert isinstance(store, checkpoints.Store)
        yield StoreTrash(store)
        store.close()

    @pytest.fixture
    def damage(self, folder: Path) -> Callable[[str], None]:
        def cut(checkpoint_id: str) -> None:
            [path] = folder.rglob(f"{checkpoint_id}_p-*.json")
            os.truncate(path, path.stat().st_size // 2)

        return cut

    @pytest.fixture
    def fingerprint(self, folder: Path) -> Callable[[], Any]:
        def look() -> Any:
            paths = sorted(path for path in folder.rglob("*") if path.is_file())
            return [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in paths]

        return look


class TestConnecting(InCrewAI, Connecting):
    pass


class TestRestoring(InCrewAI, Restoring):
    pass


class TestForking(InCrewAI, Forking):
    pass


class TestPruning(InCrewAI, Pruning):
    pass


class TestErasures(InCrewAI, Erasures):
    pass
