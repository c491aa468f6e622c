"""What verifying deeply finds in the states of Holdfast's own stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checkpoints import CheckpointManager, open_store
from checkpoints.records import Finding
from checkpoints.stores.thorough import verified


@pytest.fixture(params=["sqlite", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:///{tmp_path / 'store'}"


def saved(url: str, *states: dict[str, Any]) -> list[str]:
    with CheckpointManager("agent", store=url) as manager:
        return [manager.create_checkpoint(state=state).id for state in states]


def found(url: str, *, deep: bool = True) -> list[Finding]:
    store = open_store(url)
    try:
        return list(verified(store, deep=deep))
    finally:
        store.close()


def test_a_memory_that_was_emptied_is_named_with_the_parent_that_had_it(url: str) -> None:
    ids = saved(url, {"messages": ["a", "b", "c"]}, {"messages": []}, {"messages": []})
    [finding] = found(url)
    assert (finding.kind, finding.checkpoint_id) == ("poisoned", ids[1])
    assert finding.message == f"messages held 3 items at {ids[0]} and holds none here"


def test_queues_and_single_items_may_become_empty(url: str) -> None:
    saved(url, {"todo": [1, 2, 3], "memory": {"a": 1}}, {"todo": [], "memory": {}})
    assert found(url) == []


def test_only_a_deep_reading_looks_into_states(url: str) -> None:
    saved(url, {"messages": ["a", "b", "c"]}, {"messages": []})
    assert found(url, deep=False) == []
