"""What a plain loop remembers from one cycle to the next."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Self, TypeVar, overload

from checkpoints.bodies.encoding import decode, encode
from checkpoints.errors import CheckpointError
from checkpoints.loops.budget import Spending

T = TypeVar("T")


class _Field(Generic[T]):
    """A typed field of a state that lies in a plain mapping."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: LoopState, owner: type) -> T: ...
    def __get__(self, instance: LoopState | None, owner: type) -> T | Self:
        if instance is None:
            return self
        value: T = instance.values[self.name]
        return value

    def __set__(self, instance: LoopState, value: T) -> None:
        instance.values[self.name] = value


class LoopState:
    """The state of a loop: every field but ``metrics`` and ``step_name`` is in each checkpoint.

    ``cycle`` counts finished cycles, over all runs. ``plan``, ``pending_actions``,
    ``completed_actions``, ``skipped_actions`` and ``conversation`` are lists, ``memory`` and
    ``custom`` mappings of whatever can be kept in a checkpoint; what they hold is yours.
    ``parameters`` is what an operator's modify_parameters sets. ``result`` is what ``finish``
    was given.

    ``step_name`` names the cycle in hand on the timeline and ``metrics`` are its figures, which
    drift detection looks at; both are empty again when a cycle begins.
    """

    cycle = _Field(int)
    iteration = _Field(int)
    plan = _Field(list)
    memory = _Field(dict)
    conversation = _Field(list)
    pending_actions = _Field(list)
    completed_actions = _Field(list)
    skipped_actions = _Field(list)
    custom = _Field(dict)
    parameters = _Field(dict)
    finished = _Field(bool)

    def __init__(
        self,
        *,
        plan: Sequence[Any] = (),
        memory: Mapping[str, Any] | None = None,
        conversation: Sequence[Any] = (),
        pending_actions: Sequence[Any] = (),
        custom: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.values: dict[str, Any] = {
            "cycle": 0,
            "iteration": 0,
            "plan": list(plan),
            "memory": dict(memory or {}),
            "conversation": list(conversation),
            "pending_actions": list(pending_actions),
            "completed_actions": [],
            "skipped_actions": [],
            "custom": dict(custom or {}),
            "parameters": dict(parameters or {}),
            "budget": {"spent_usd": 0.0, "limit_usd": None},
            "finished": False,
            "result": None,
        }
        self.budget = Spending(self.values["budget"])
        self.begin_cycle()

    @property
    def result(self) -> Any:
        """What ``finish`` was given."""
        return self.values["result"]

    def details(self, **metadata: Any) -> dict[str, Any]:
        """Return what a checkpoint's record says of this state."""
        return {
            "metadata": metadata,
            "step": self.cycle,
            "step_name": self.step_name,
            "iteration": self.iteration,
            "metrics": {"spent_usd": self.budget.spent_usd, **self.metrics},
        }

    def begin_cycle(self) -> None:
        """Forget the name and the figures of the cycle before."""
        self.step_name: str | None = None
        self.metrics: dict[str, float] = {}

    def begin_iteration(self) -> None:
        """Count a new iteration: what restart_iteration goes back to the beginning of."""
        self.iteration += 1

    def finish(self, result: Any = None) -> None:
        """End the loop after this step; ``result`` must be something that a state may hold."""
        self.values["result"] = result
        self.finished = True

    def skip(self) -> None:
        """Count a cycle that was not done; the first pending action goes to the skipped ones."""
        if self.pending_actions:
            self.skipped_actions.append(self.pending_actions.pop(0))
        self.cycle += 1

    def beginning(self) -> Self:
        """Return another one of the same values, so that what a loop does leaves this one alone."""
        begun = copy.copy(self)
        begun.adopt(decode(encode(self.values)))
        begun.begin_cycle()
        return begun

    def adopt(self, values: dict[str, Any]) -> None:
        """Look at other values from now on; fields that older code did not save are added.

        Raises CheckpointError when they are not a loop's.
        """
        for name, value in LoopState().values.items():
            values.setdefault(name, value)
        _check(values)
        self.values = values
        self.budget = Spending(values["budget"])


_KINDS: Mapping[str, type] = {
    **{name: each.kind for name, each in vars(LoopState).items() if isinstance(each, _Field)},
    "budget": dict,
}


def _check(values: Mapping[str, Any]) -> None:
    wrong = [name for name, kind in _KINDS.items() if not isinstance(values[name], kind)]
    if wrong:
        name = wrong[0]
        raise CheckpointError(
            f"the head was not saved by run_loop: {name} is a {type(values[name]).__name__}, a "
            f"{_KINDS[name].__name__} was expected; nothing was changed. Give the loop a thread of "
            "its own, or migrations to its manager"
        )
