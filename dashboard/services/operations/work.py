"""What a kind of operation must know to be carried out, and how it can end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self

from dashboard.models import OperationState, OperationStep
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.plans import Plan


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
    """One operation on its opened store.

    Every method but ``apply`` leaves the store alone, and all but ``book`` the index.
    """

    @property
    def plan(self) -> Plan:
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

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Act once, however often called, and return what came of it as JSON types.

        Raises Stop when it can no longer be done, Overtaken when it must be checked again first.
        """
        ...

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Write what came of a step into the index, in the transaction that marks it done."""
        ...

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Read back and say how the operation ended. ``steps`` are all that were journalled."""
        ...
