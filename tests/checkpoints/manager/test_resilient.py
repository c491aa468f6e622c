"""The manager that retries, falls back, and keeps its document's retention."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkpoints import (
    CheckpointManager,
    HookContext,
    PermanentStoreError,
    ResilientCheckpointManager,
    Store,
    TransientStoreError,
    open_store,
)
from checkpoints.manager.settings import Settings
from checkpoints.testing import FaultyStore


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyStore]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    assert isinstance(store, Store)
    yield FaultyStore(store)
    store.close()


def noted(manager: CheckpointManager) -> list[str]:
    return [note.data["what"] for note in manager.journal()]


def test_a_transient_error_is_retried_and_heard_of(faulty: FaultyStore) -> None:
    manager = ResilientCheckpointManager("agent-3", store=faulty)
    heard: list[str] = []

    @manager.hooks.on("on_retry")
    def hear(context: HookContext) -> None:
        heard.append(str(context.error))

    faulty.fail("put", error=TransientStoreError("locked"), times=2)
    saved = manager.create_checkpoint("routine", {"n": 1})
    assert manager.history() == [saved]
    assert heard == ["locked", "locked"]
    assert noted(manager) == ["retried", "retried"]


def test_a_permanent_error_is_not_retried(faulty: FaultyStore) -> None:
    manager = ResilientCheckpointManager("agent-3", store=faulty)
    faulty.fail("put", error=PermanentStoreError("full"))
    with pytest.raises(PermanentStoreError):
        manager.create_checkpoint("routine", {"n": 1})
    assert faulty.calls["put"] == 1


def test_the_fallback_takes_over_and_what_it_took_comes_home(
    faulty: FaultyStore, tmp_path: Path
) -> None:
    manager = ResilientCheckpointManager(
        "agent-3", store=faulty, fallback=f"file:///{tmp_path}/fallback"
    )
    manager.create_checkpoint("recovery", {"n": 1})
    faulty.fail("put", "record", error=PermanentStoreError("full"))
    manager.create_checkpoint("recovery", {"n": 2})
    faulty.heal()
    manager.create_checkpoint("recovery", {"n": 3})
    assert [manager.load(record)["n"] for record in manager.history()] == [3, 2, 1]
    plain = CheckpointManager("agent-3", store=faulty)
    assert [plain.load(record)["n"] for record in plain.history()] == [3, 2, 1]
    first, *others = noted(manager)
    assert (first, set(others)) == ("fell_back", {"came_back"})


def test_a_store_cannot_take_over_from_itself(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with pytest.raises(ValueError, match="fallback is the store itself"):
        ResilientCheckpointManager(
            "agent-1", store=url, fallback=f"sqlite:///{tmp_path}/./store.db"
        )
    ResilientCheckpointManager("agent-1", store="memory://", fallback="memory://").close()


@pytest.mark.parametrize("given", ["store", "fallback"])
def test_it_closes_what_it_opened_and_nothing_else(
    faulty: FaultyStore, tmp_path: Path, given: str
) -> None:
    ours = f"sqlite:///{tmp_path}/ours.db"
    stores = {"store": ours, "fallback": ours, given: faulty}
    with ResilientCheckpointManager("agent-3", **stores) as manager:  # type: ignore[arg-type]
        manager.create_checkpoint("routine", {"n": 1})
        opened = manager._own_stores
    assert [store.url for store in opened] == [ours]
    assert faulty.calls["close"] == 0


def test_settings_that_are_passed_on_are_those_of_the_manager() -> None:
    parameters = inspect.signature(CheckpointManager.__init__).parameters
    named = {n for n, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert named == set(Settings.__annotations__)
