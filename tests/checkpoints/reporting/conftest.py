"""A dashboard on loopback, and reporters that try again soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkpoints.records import Checkpoint, Head
from checkpoints.reporting import Bounds, Reporter
from tests.checkpoints.dashboards import Dashboard, a_dashboard

STORE = "sqlite:////srv/agents.db"
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
Reporters = Callable[..., Reporter]


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    with a_dashboard() as server:
        yield server


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def reporters(dashboard: Dashboard, spool: Path) -> Iterator[Reporters]:
    """Make reporters to the dashboard, or to another ``url``, and close them in the end."""
    made: list[Reporter] = []

    def make(url: str | None = None, **bounds: Any) -> Reporter:
        chosen = Bounds(**{"first_pause": 0.02, "longest_pause": 0.1, "timeout": 1.0, **bounds})
        made.append(Reporter(url or dashboard.url, "hf_secret", spool=spool, bounds=chosen))
        return made[-1]

    yield make
    dashboard.let_go.set()
    for reporter in made:
        reporter.close(1)


def record(step: int = 1, /, **changes: Any) -> Checkpoint:
    """Return the record of a step's checkpoint."""
    values = {"id": f"c-{step}", "agent_id": "crawler", "thread_id": "main", "step": step}
    return Checkpoint(**{**values, "created_at": AT, **changes})


def head(step: int = 1) -> Head:
    """Return the head that a step's save leaves."""
    return Head(
        agent_id="crawler", thread_id="main", checkpoint_id=f"c-{step}", version=step, moved_at=AT
    )


def report(reporter: Reporter, steps: range) -> None:
    """Report a checkpoint for each step."""
    for step in steps:
        reporter.report(STORE, record(step), head(step))
