"""What operations promise of any store, kept in a SQLite file of CrewAI's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.crewai import CrewAISqliteStore
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
from tests.checkpoints.connectors.crewai_stores import (
    damage_row,
    last_of_branch,
    make_file,
    save_row,
    state,
)

AGENT = "research_crew"
_OWN = frozenset({"parent_id", "branch", "holdfast"})


class OwnState(CrewAISqliteStore):
    """Shows of a state what is the crew's own and not each checkpoint's."""

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {n: value for n, value in super().load(checkpoint).items() if n not in _OWN}


class InCrewAI(OperableCase):
    """A file that CrewAI's SqliteProvider saves into."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "checkpoints.db"
        make_file(path)
        return path

    @pytest.fixture
    def open_operated(self, path: Path) -> Callable[[], Any]:
        return lambda: OwnState(path)

    @pytest.fixture
    def make_thread(self, path: Path) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            ids: list[str] = []
            for done in range(count):
                parent = ids[-1] if ids else None
                ids.append(save_row(path, state(done, parent_id=parent)))
            return Made(AGENT, "main", tuple(ids))

        return make

    @pytest.fixture
    def go_on(self, path: Path) -> Callable[[str, str], str]:
        def save(agent_id: str, thread_id: str) -> str:
            parent = last_of_branch(path, thread_id)
            return save_row(path, state(5, parent_id=parent, branch=thread_id))

        return save

    @pytest.fixture
    def trash(self, tmp_path: Path) -> Iterator[Trash]:
        store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
        assert isinstance(store, checkpoints.Store)
        yield StoreTrash(store)
        store.close()

    @pytest.fixture
    def damage(self, path: Path) -> Callable[[str], None]:
        return lambda checkpoint_id: damage_row(path, checkpoint_id)

    @pytest.fixture
    def fingerprint(self, path: Path) -> Callable[[], Any]:
        return lambda: (path.read_bytes(), path.stat().st_mtime_ns)


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
