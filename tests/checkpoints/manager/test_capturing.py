"""Where the state comes from."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints import CheckpointManager, Store, UnsupportedState


def test_functions_can_be_marked_as_capture_and_apply(manager: CheckpointManager) -> None:
    memory = ["a"]

    @manager.captures
    def capture() -> dict[str, Any]:
        return {"memory": list(memory)}

    @manager.applies
    def apply(state: dict[str, Any]) -> None:
        memory[:] = state["memory"]

    saved = manager.create_checkpoint()
    memory.append("b")
    manager.restore_checkpoint(saved)
    assert memory == ["a"]


@pytest.mark.parametrize("wrong", [None, [1], "text"])
def test_a_capture_that_returns_no_mapping_is_refused(store: Store, wrong: Any) -> None:
    manager = CheckpointManager("agent-1", store=store, capture=lambda: wrong)
    with pytest.raises(UnsupportedState, match="as a mapping, not .*; nothing was saved"):
        manager.create_checkpoint()
    assert manager.history() == []


def test_what_a_capture_raises_is_the_agents_own(store: Store) -> None:
    def capture() -> dict[str, Any]:
        raise ZeroDivisionError

    manager = CheckpointManager("agent-1", store=store, capture=capture)
    with pytest.raises(ZeroDivisionError):
        manager.create_checkpoint()
    assert manager.history() == []
