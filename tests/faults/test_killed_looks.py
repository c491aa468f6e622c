"""The real worker is killed while it writes what it found of an agent; the next finds it once."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.processes import Installation, wait_until

COUNT = 162


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path / "data")
    yield installation
    installation.kill_all()


def rows(installation: Installation, query: str) -> list[dict[str, Any]]:
    """Read beside the processes that write."""
    with closing(sqlite3.connect(installation.data_dir / "dashboard.db", timeout=20)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def test_an_agent_whose_worker_is_killed_is_looked_at_once_by_the_next(
    installation: Installation, tmp_path: Path
) -> None:
    marker = tmp_path / "asleep"
    laid = installation.run("-m", "tests.faults.mortal_looker", "lay", str(COUNT))
    assert laid.returncode == 0, laid.stderr

    victim = installation.start("-m", "tests.faults.mortal_looker", str(marker))
    wait_until(marker.exists, what="the worker writes what it found")
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    assert not rows(installation, "SELECT * FROM dashboard_driftalert")
    assert rows(installation, "SELECT observed FROM dashboard_agentwatch") == [{"observed": 0}]
    installation.start("-m", "tests.faults.mortal_looker", str(marker))

    def looked_at() -> bool:
        (watch,) = rows(installation, "SELECT observed FROM dashboard_agentwatch")
        return int(watch["observed"]) > 0

    wait_until(looked_at, what="another worker looks at the agent")
    (alert,) = rows(installation, "SELECT * FROM dashboard_driftalert")
    assert (alert["number"], alert["metrics"]) == (1, '["latency"]')
    assert rows(installation, "SELECT observed FROM dashboard_agentwatch") == [{"observed": COUNT}]
