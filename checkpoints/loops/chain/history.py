"""A chain's checkpoints as its author looks at them, and where its time went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from checkpoints.loops.chain.thoughts import Thought
from checkpoints.records import Checkpoint, Status

BOTTLENECK_SHARE = 0.25
"""The share of a chain's time from which on a step is called a bottleneck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheckpoint:
    """One checkpoint of a chain.

    ``recovery_point`` is the step that a run resuming here takes first, None when there is none.
    ``performance_data`` holds seconds: ``total_time`` of the chain until then, ``step_time`` of
    this step, ``by_step`` per step count, total_time and max_time.
    """

    checkpoint_id: str
    chain_id: str
    timestamp: datetime
    current_step: str
    iteration: int
    thought: Thought
    performance_data: Mapping[str, Any]
    recovery_point: str | None
    completed_validators: tuple[str, ...]
    completed_critics: tuple[str, ...]
    metadata: Mapping[str, Any]
    status: Status

    @classmethod
    def of(cls, record: Checkpoint, state: Mapping[str, Any]) -> Self:
        """Read a checkpoint's record and state."""
        thought = Thought.from_dict(state["thought"])
        return cls(
            checkpoint_id=record.id,
            chain_id=state["chain_id"],
            timestamp=record.created_at,
            current_step=record.step_name or str(state["recovery_point"]),
            iteration=thought.iteration if record.iteration is None else record.iteration,
            thought=thought,
            performance_data=state["performance_data"],
            recovery_point=state["recovery_point"],
            completed_validators=tuple(state["completed_validators"]),
            completed_critics=tuple(state["completed_critics"]),
            metadata=record.metadata,
            status=record.status,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """A step that takes much of a chain's time: seconds, times taken, and its share of all."""

    step: str
    total_time: float
    count: int
    share: float

    def __str__(self) -> str:
        return f"{self.step} ({self.share:.0%})"


def bottlenecks(performance_data: Mapping[str, Any]) -> list[Bottleneck]:
    """Return the steps that take a quarter of the time or more, the slowest first."""
    total = performance_data["total_time"] or 1.0
    steps = [
        Bottleneck(
            step=name,
            total_time=times["total_time"],
            count=times["count"],
            share=times["total_time"] / total,
        )
        for name, times in performance_data["by_step"].items()
    ]
    slow = [step for step in steps if step.share >= BOTTLENECK_SHARE]
    return sorted(slow, key=lambda step: -step.total_time)
