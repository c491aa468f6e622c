"""Managers on real stores, and what stands in for their clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkpoints import CheckpointManager, Store, open_store


class Seconds:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of a kind that only takes and of one that has a disk."""
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db"
    opened = open_store(url)
    assert isinstance(opened, Store)
    yield opened
    opened.close()


@pytest.fixture
def manager(store: Store) -> Iterator[CheckpointManager]:
    with CheckpointManager("agent-1", store=store) as opened:
        yield opened


@pytest.fixture
def reopened(store: Store) -> Callable[[], CheckpointManager]:
    """Another run of the same agent."""
    return lambda: CheckpointManager("agent-1", store=store)
