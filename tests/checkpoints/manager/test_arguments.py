"""What no manager can be made of is refused where it is made."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints import CheckpointManager


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"thread": 5}, "thread is a text, not 5"),
        ({"hooks": [print]}, "hooks is a HookManager, not .*; register"),
        ({"capture": {"n": 1}}, "capture is a function, not"),
        ({"apply": "restore"}, "apply is a function, not"),
    ],
)
def test_an_argument_of_another_type_is_named(given: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        CheckpointManager("agent-1", store="memory://", **given)


def test_an_agents_name_is_a_text() -> None:
    with pytest.raises(TypeError, match="agent_id is a text, not 3"):
        CheckpointManager(3, store="memory://")  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [-1, "2", 1.0, True])
def test_a_schema_version_is_a_whole_number(version: Any) -> None:
    with pytest.raises(ValueError, match="schema_version is a whole number from 0 on"):
        CheckpointManager("agent-1", store="memory://", schema_version=version)


def test_a_trigger_is_refused_by_the_name_that_the_manager_gives_it() -> None:
    with pytest.raises(ValueError, match="checkpoint_frequency"):
        CheckpointManager("agent-1", store="memory://", checkpoint_frequency=0)
