"""How far a chain is, as its checkpoints carry it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from checkpoints.errors import CheckpointError
from checkpoints.loops.chain.thoughts import Thought


class ChainStep(StrEnum):
    """The steps in their order. ``retrieval`` has no checkpoint after it of its own."""

    INITIALIZATION = "initialization"
    PRE_RETRIEVAL = "pre_retrieval"
    RETRIEVAL = "retrieval"
    GENERATION = "generation"
    VALIDATION = "validation"
    PRE_CRITICISM = "pre_criticism"
    CRITICISM = "criticism"
    COMPLETE = "complete"


ORDER = {step: number for number, step in enumerate(ChainStep)}
_BEYOND_ALL = (sys.maxsize, 0)


class Progress:
    """A chain's state; ``values`` is what its manager saves.

    ``position`` is the step to take next, None when the chain is complete. Times are seconds of
    the chain's own work, over all processes that took part.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @classmethod
    def begin(cls, chain_id: str, prompt: str, parameters: Mapping[str, Any] | None = None) -> Self:
        """Return the progress of a chain that has not begun."""
        thought = Thought(prompt=prompt).to_dict()
        return cls(
            {
                "chain_id": chain_id,
                "current_step": None,
                "recovery_point": str(ChainStep.INITIALIZATION),
                "thought": thought,
                "iteration_start": thought,
                "completed_validators": [],
                "completed_critics": [],
                "parameters": dict(parameters or {}),
                "performance_data": {"total_time": 0.0, "step_time": 0.0, "by_step": {}},
            }
        )

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Look at a state that a chain saved. Raises CheckpointError for any other."""
        missing = sorted(Progress.begin("", "").values.keys() - values.keys())
        if missing:
            raise CheckpointError(
                f"the head was not saved by a chain: {missing[0]} is missing; nothing was changed. "
                "Give the chain a chain_id of its own"
            )
        return cls(values)

    @property
    def position(self) -> ChainStep | None:
        """The step to take next."""
        point = self.values["recovery_point"]
        return None if point is None else ChainStep(point)

    @position.setter
    def position(self, step: ChainStep | None) -> None:
        self.values["recovery_point"] = None if step is None else str(step)

    @property
    def thought(self) -> Thought:
        """The thought in hand."""
        return Thought.from_dict(self.values["thought"])

    @thought.setter
    def thought(self, thought: Thought) -> None:
        self.values["thought"] = thought.to_dict()

    @property
    def place(self) -> tuple[int, int]:
        """Iteration and number of the next step: what is further on compares greater."""
        step = self.position
        return (self.thought.iteration, ORDER[step]) if step else _BEYOND_ALL

    @property
    def parameters(self) -> dict[str, Any]:
        """What modify_parameters has set, passed to the callables that take it."""
        parameters: dict[str, Any] = self.values["parameters"]
        return parameters

    def begin_iteration(self, thought: Thought) -> None:
        """Begin an iteration with what the one before has left."""
        self.thought = thought
        self.values["iteration_start"] = thought.to_dict()
        self.forget_completed()

    def forget_completed(self) -> None:
        """Have every validator and critic look again."""
        self.values["completed_validators"] = []
        self.values["completed_critics"] = []

    def took(self, step: ChainStep, seconds: float) -> None:
        """Count the time that a step took, failed attempts included."""
        data = self.values["performance_data"]
        of_step = data["by_step"].setdefault(
            str(step), {"count": 0, "total_time": 0.0, "max_time": 0.0}
        )
        of_step["count"] += 1
        of_step["total_time"] += seconds
        of_step["max_time"] = max(of_step["max_time"], seconds)
        data["total_time"] += seconds
        data["step_time"] = seconds

    @property
    def metrics(self) -> dict[str, float]:
        """Return the figures that a checkpoint's record carries, in seconds."""
        data = self.values["performance_data"]
        return {"total_time": data["total_time"], "step_time": data["step_time"]}
