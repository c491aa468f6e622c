"""The state of an agent: taken from it, and put back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from checkpoints.drift import DriftReport
from checkpoints.errors import UnsupportedState
from checkpoints.manager.schema import Schema
from checkpoints.records import State

Capture = Callable[[], State]
Apply = Callable[[dict[str, Any]], object]
C = TypeVar("C", bound=Capture)
A = TypeVar("A", bound=Apply)


class StateHolder:
    """Takes a state by a function, by overriding, or from the dict ``state``."""

    state: dict[str, Any]

    def _hold_state(self, capture: Capture | None, apply: Apply | None, schema: Schema) -> None:
        self.state = {}
        self._capture = capture
        self._apply = apply
        self._schema = schema
        self._drift = DriftReport()

    def captures(self, function: C) -> C:
        """Take the function below it as ``capture``: ``@manager.captures``."""
        self._capture = function
        return function

    def applies(self, function: A) -> A:
        """Take the function below it as ``apply``: ``@manager.applies``."""
        self._apply = function
        return function

    def captured_state(self) -> State:
        """Return the agent's state as a save would take it now. Raises UnsupportedState."""
        if self._capture is not None:
            return _mapping(self._capture(), "capture")
        context = _mapping(self._get_operational_context(), "_get_operational_context")
        return {**self.state, "operational_context": context} if context else dict(self.state)

    def _get_operational_context(self) -> dict[str, Any]:
        """Return what the agent wants kept beside its state; override it."""
        return {}

    def _put_back(self, state: dict[str, Any]) -> None:
        self.state = state
        self._drift = DriftReport()
        if self._apply is not None:
            self._apply(state)


def _mapping(value: object, source: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise UnsupportedState(
        f"{source} must return the agent's state as a mapping, not {type(value).__name__}; "
        "nothing was saved",
        path="$",
    )
