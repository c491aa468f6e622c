"""kill -9 in the middle of recording pairs of entries and saving batches."""

from __future__ import annotations

import random
import time

import pytest

from checkpoints import Store
from tests.faults.stores.children import first_line_of, lines_of, start
from tests.faults.stores.conftest import NewUrl
from tests.faults.stores.recorder import BATCH, RECORDING, SAVING
from tests.faults.stores.servers import wait_for_server
from tests.faults.stores.states import AGENT, findings_of, opened

ROUNDS = 8


@pytest.mark.parametrize("kind", ["sqlite", "file", "postgresql"], indirect=True)
def test_what_was_recorded_and_saved_at_once_survives_being_killed(
    new_url: NewUrl, kind: str
) -> None:
    url = new_url()
    for _ in range(ROUNDS):
        acknowledged = killed_run(url)
        wait_for_server(url)
        store = opened(url)
        require_pairs(store, acknowledged["record"])
        require_batches(store, acknowledged["batch"], whole=kind != "file")
        assert findings_of(store) == []
        store.close()


def killed_run(url: str) -> dict[str, int]:
    """Let a process work, kill it at a random moment; return the last that it was told is safe."""
    process = start("recorder", url)
    lines = [first_line_of(process), first_line_of(process)]
    time.sleep(random.uniform(0, 0.25))
    assert process.poll() is None, "it ended before it was killed"
    process.kill()
    lines += lines_of(process)
    pairs = [line.split() for line in lines[1:]]
    return {"record": 0, "batch": 0} | {what: int(number) for what, number in pairs}


def require_pairs(store: Store, acknowledged: int) -> None:
    """Both entries of a call are there, or none; and all that were acknowledged."""
    left, right = (store.entries(AGENT, RECORDING, kind=kind) for kind in ("left", "right"))
    numbers = list(range(1, len(left) + 1))
    assert [item.data for item in left] == [item.data for item in right]
    assert [item.data["n"] for item in left] == numbers
    assert len(left) >= acknowledged


def require_batches(store: Store, acknowledged: int, *, whole: bool) -> None:
    """All of a batch is there, or where batches are ``whole`` none; and all acknowledged."""
    head = store.head(AGENT, SAVING)
    saved = store.history(AGENT, SAVING) if head else []
    assert [record.step for record in saved] == list(range(len(saved), 0, -1))
    assert [store.load(record)["n"] for record in saved[:20]] == [r.step for r in saved[:20]]
    assert len(saved) >= acknowledged
    assert not whole or len(saved) % BATCH == 0
