"""However an agent floods its metrics, what is kept of it stays small and says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.drift.metrics import observe
from checkpoints.drift.watching import AgentDetector
from checkpoints.records import Checkpoint

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def flooded(*, name: str, step: str) -> AgentDetector:
    """Return a detector after 400 checkpoints, each with other names that end alike."""
    detector = AgentDetector()
    for number in range(400):
        record = Checkpoint(
            id=f"c{number}",
            agent_id="a",
            thread_id=f"t{number % 50}",
            step=number,
            created_at=BEGUN + timedelta(seconds=number),
            step_name=f"{number}{step}",
            metrics={f"{number}-{one}-{name}": float(number) for one in range(24)},
        )
        detector.update(observe(record, before=None))
    return detector


@pytest.mark.parametrize(("name", "step"), [("n" * 1_000_000, ""), ("n", "s" * 10_000), ("n", "s")])
def test_names_without_end_are_refused_and_named(name: str, step: str) -> None:
    detector = flooded(name=name, step=step)

    assert len(json.dumps(detector.to_dict())) < 1_000_000
    assert 0 < len(detector.refused) < 200
    assert max(map(len, detector.refused)) <= 128
