"""What a kind of operation must know to be carried out, and how it can end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self

import checkpoints
from dashboard.models import OperationState, OperationStep
from dashboard.services.operations.journal import PlannedStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an operation ended; ``message`` is one plain sentence for the operator."""

    state: OperationState
    message: str
    result: dict[str, Any] = field(default_factory=dict)


class Stop(Exception):
    """The operation has come to its end before its last step."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.message)
        self.ending = ending


class Overtaken(Exception):
    """A running agent saved between the check and the step; nothing was written."""


class Work(Protocol):
    """One operation on its opened store. Every method but ``apply`` leaves the store alone."""

    @property
    def plan(self) -> checkpoints.RestorePlan:
        """What is carried out."""
        ...

    def check(self) -> Self:
        """Derive the plan again and return the work on it.

        Raises Stop when it is neither the confirmed one nor leads on from it as was accepted.
        """
        ...

    def safety(self) -> dict[str, Any]:
        """Return what must be known to undo or to settle a doubt later, as JSON types."""
        ...

    def steps(self) -> Sequence[PlannedStep]:
        """Choose the steps and the ids that each will write."""
        ...

    def apply(self, step: OperationStep, now: datetime) -> None:
        """Act once, however often called; raise Stop when it can no longer be done.

        Raises Overtaken when it must be checked again first.
        """
        ...

    def verify(self, steps: Sequence[OperationStep]) -> Ending:
        """Read back and say how the operation ended."""
        ...
