"""kill -9 while an agent saves: what it was told is saved, is saved."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checkpoints import open_store

ROUNDS = 6
UNACKNOWLEDGED = {"torn_journal", "unlisted_file"}
"""What a save may leave behind that was killed before anybody was told that it is safe."""
SAVER = """
import sys
from checkpoints import CheckpointManager
with CheckpointManager("agent-1", store=sys.argv[1]) as manager:
    state = manager.resume() or {"n": 0}
    while True:
        state = {"n": state["n"] + 1, "log": ["x" * 100] * (state["n"] % 50)}
        print(manager.create_checkpoint(state=state), state["n"], flush=True)
"""


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_every_acknowledged_save_survives_being_killed(scheme: str, tmp_path: Path) -> None:
    url = f"{scheme}:///{tmp_path}/store"
    acknowledged: dict[str, int] = {}
    for _ in range(ROUNDS):
        acknowledged |= killed_run(url)
        store = open_store(url)
        loaded = {record.id: store.load(record)["n"] for record in store.history(None, "main")}
        assert acknowledged.items() <= loaded.items()
        assert {finding.kind for finding in store.verify()} <= UNACKNOWLEDGED
        store.close()
    assert len(acknowledged) > ROUNDS


def killed_run(url: str) -> dict[str, int]:
    """Run a saver, kill it at a random moment, and return what it was told is saved."""
    saver = subprocess.Popen([sys.executable, "-c", SAVER, url], stdout=subprocess.PIPE, text=True)
    assert saver.stdout is not None
    first = saver.stdout.readline()
    time.sleep(random.uniform(0.01, 0.3))
    saver.send_signal(signal.SIGKILL)
    lines = [first, *saver.stdout.readlines()]
    saver.wait()
    complete = [line.split() for line in lines if line.endswith("\n")]
    return {checkpoint_id: int(n) for checkpoint_id, n in complete}
