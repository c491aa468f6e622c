"""How a sweep that deletes nothing yet ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.models import OperationState, OperationStep
from dashboard.services.operations.plans import BatchesPlan
from dashboard.services.operations.sweeps import SweepWork

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOTED = OperationStep(action="sweep a", done_at=NOW, result={"purged": [], "noted": 2})


def ending_of(*steps: OperationStep) -> Any:
    parts: dict[str, Any] = {"operation": None, "store": None, "trash": None}
    return SweepWork(plan=BatchesPlan(), **parts).verify(steps, NOW)


def test_one_that_notes_what_is_due_succeeded() -> None:
    assert ending_of(NOTED).state == OperationState.SUCCEEDED


@pytest.mark.parametrize(
    "left",
    [
        OperationStep(action="sweep b", done_at=NOW, failure="the disk is full"),
        OperationStep(action="sweep b"),
    ],
)
def test_one_that_could_not_look_everywhere_is_done_in_part(left: OperationStep) -> None:
    ending = ending_of(NOTED, left)

    assert ending.state == OperationState.PARTIAL
    assert "1 thread" in ending.message
