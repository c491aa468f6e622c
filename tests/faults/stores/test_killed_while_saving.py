"""kill -9 in the middle of saving, in four threads at once, also while the store is created."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from tests.faults.stores.children import first_line_of, lines_of, start
from tests.faults.stores.conftest import EVERYWHERE, NewUrl
from tests.faults.stores.saver import THREADS
from tests.faults.stores.servers import wait_for_server
from tests.faults.stores.states import findings_of, found_in, opened, save

ROUNDS = 24
ROUNDS_OF_ONE_STORE = 6

Acknowledged = dict[str, dict[str, int]]
"""Thread to the ids that were acknowledged, and the number of each."""


@pytest.mark.parametrize("kind", EVERYWHERE, indirect=True)
def test_every_acknowledged_save_survives_being_killed(new_url: NewUrl) -> None:
    saved: dict[str, Acknowledged] = {}
    for _ in range(ROUNDS // ROUNDS_OF_ONE_STORE):
        url = new_url()
        acknowledged = saved.setdefault(url, nothing_yet())
        for _ in range(ROUNDS_OF_ONE_STORE):
            assert killed_run(url, acknowledged, while_saving=True)
            require_recovered(url, acknowledged)


def test_a_process_that_is_killed_at_once_leaves_a_store_that_opens(new_url: NewUrl) -> None:
    for _ in range(10):
        url = new_url()
        acknowledged = nothing_yet()
        killed_run(url, acknowledged, while_saving=False)
        require_recovered(url, acknowledged)


def nothing_yet() -> Acknowledged:
    return {thread: {} for thread in THREADS}


def killed_run(url: str, acknowledged: Acknowledged, *, while_saving: bool) -> int:
    """Let a process save, kill it at a random moment, and note what it was told is safe.

    The moment is counted from its first acknowledgement, or from before it opened the store.
    """
    process = start("saver", url)
    lines = [first_line_of(process)]
    assert lines == ["ready\n"]
    if while_saving:
        lines.append(first_line_of(process))
    time.sleep(random.uniform(0, 0.25 if while_saving else 0.04))
    kill(process)
    lines += lines_of(process)
    for text in lines[1:]:
        thread, number, checkpoint_id = text.split()
        acknowledged[thread][checkpoint_id] = int(number)
    return len(lines) - 1


def kill(process: subprocess.Popen[str]) -> None:
    assert process.poll() is None, "it ended before it was killed"
    process.kill()


def require_recovered(url: str, acknowledged: Acknowledged) -> None:
    """Read everything as another process; then save on."""
    wait_for_server(url)
    store = opened(url)
    for thread, saves in acknowledged.items():
        found = found_in(store, thread)
        assert found.wrong == ()
        assert found.numbers == tuple(range(1, len(found.numbers) + 1))
        assert saves.keys() <= set(found.ids)
        assert (found.head or 0) == len(found.numbers) >= max(saves.values(), default=0)
        saves[save_on(url, thread, len(found.numbers) + 1)] = len(found.numbers) + 1
    assert findings_of(store) == []
    store.close()


def save_on(url: str, thread: str, number: int) -> str:
    store = opened(url)
    try:
        return save(store, thread, number).id
    finally:
        store.close()
