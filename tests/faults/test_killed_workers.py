"""The real worker is killed in the middle of a restore; another one completes it exactly once."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from tests.faults.conftest import WRITTEN_BY_OTHERS
from tests.faults.processes import Installation, wait_until


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path / "data")
    yield installation
    installation.kill_all()


def request_restore(installation: Installation, url: str, thread_id: str) -> None:
    done = installation.run("-m", "tests.faults.operate", url, thread_id)
    assert done.returncode == 0, done.stderr


def operation_of(installation: Installation) -> dict[str, Any]:
    """Return the only operation's row, read beside the processes that write it."""
    with closing(sqlite3.connect(installation.data_dir / "dashboard.db")) as database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute("SELECT * FROM dashboard_operation").fetchone())
    return {**row, "result": json.loads(row["result"])}


def worker(installation: Installation, marker: Path, when: str) -> subprocess.Popen[str]:
    return installation.start("-m", "tests.faults.mortal_worker", str(marker), when)


def changes_of(url: str, thread_id: str) -> tuple[int, checkpoints.Head]:
    """Return how many checkpoints the thread has, and its head."""
    store = checkpoints.open_store(url)
    head = store.head(None, thread_id)
    count = len([r for r in store.history(None, thread_id) if not r.namespace])
    store.close()
    assert head is not None
    return count, head


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restore_whose_worker_is_killed_completes_exactly_once(
    installation: Installation,
    store_kind: str,
    url: str,
    thread_id: str,
    tmp_path: Path,
    when: str,
) -> None:
    marker = tmp_path / "asleep"
    count, head = changes_of(url, thread_id)
    request_restore(installation, url, thread_id)
    victim = worker(installation, marker, when)
    wait_until(marker.exists, what="the worker is in the middle of the restore")

    victim.send_signal(signal.SIGKILL)
    victim.wait()
    worker(installation, marker, when)

    wait_until(
        lambda: operation_of(installation)["state"] not in ("queued", "running"),
        what="another worker ends the operation",
    )
    end = operation_of(installation)
    new_count, new_head = changes_of(url, thread_id)
    assert (end["state"], end["attempts"]) == ("succeeded", 2), end["message"]
    assert new_head.checkpoint_id == end["result"]["restored_id"]
    if store_kind in WRITTEN_BY_OTHERS:
        assert new_count == count + 1
    else:
        assert (new_count, new_head.version) == (count, head.version + 1)
