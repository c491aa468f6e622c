"""The real worker is killed in the middle of a rehearsal; another one ends the drill."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.benches import save_steps
from tests.faults.processes import Installation, wait_until


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path / "data")
    yield installation
    installation.kill_all()


def rows(installation: Installation, query: str) -> list[dict[str, Any]]:
    """Read beside the processes that write."""
    with closing(sqlite3.connect(installation.data_dir / "dashboard.db")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def test_a_drill_whose_worker_is_killed_leaves_nothing_and_is_ended_by_the_next(
    installation: Installation, tmp_path: Path
) -> None:
    store, marker = tmp_path / "agents", tmp_path / "asleep"
    save_steps(f"file:///{store}")
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    asked = installation.run("-m", "tests.faults.rehearse", f"file:///{store}")
    assert asked.returncode == 0, asked.stderr
    scratch = installation.data_dir / "rehearsals"

    victim = installation.start("-m", "tests.faults.mortal_worker", str(marker), "before")
    wait_until(marker.exists, what="the worker is in the middle of a rehearsal")
    assert list(scratch.iterdir())
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    installation.start("-m", "tests.faults.mortal_worker", str(marker), "before")

    def ended() -> bool:
        return bool(rows(installation, "SELECT outcome FROM dashboard_drill")[0]["outcome"])

    wait_until(ended, what="another worker ends the drill")
    (drill,) = rows(installation, "SELECT * FROM dashboard_drill")
    assert (drill["outcome"], drill["proven"]) == ("proven", 3), drill["message"]
    assert len(rows(installation, "SELECT * FROM dashboard_drillresult")) == 3
    assert not list(scratch.iterdir())
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before
