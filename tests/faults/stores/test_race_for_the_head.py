"""Two processes save onto the same head at the same moment: exactly one of them wins."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.faults.stores.children import first_line_of, start
from tests.faults.stores.conftest import EVERYWHERE
from tests.faults.stores.racer import NOTHING, THREAD
from tests.faults.stores.states import AGENT, findings_of, opened, state_of

ROUNDS = 200
RACERS = ("left", "right")
RUN_UP_SECONDS = 0.002


@pytest.fixture
def racers(url: str) -> Iterator[dict[str, subprocess.Popen[str]]]:
    processes = {name: start("racer", name, url) for name in RACERS}
    assert [first_line_of(process) for process in processes.values()] == ["ready\n"] * 2
    yield processes
    for process in processes.values():
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("kind", EVERYWHERE, indirect=True)
def test_of_two_processes_exactly_one_moves_the_head(
    url: str, racers: dict[str, subprocess.Popen[str]]
) -> None:
    winners: list[str] = []
    for number in range(1, ROUNDS + 1):
        results = raced(racers, number, winners[-1] if winners else NOTHING)
        assert sorted(results.values()) == ["moved", "won"], f"round {number}"
        winners += [f"{name}-{number}" for name, result in results.items() if result == "won"]
    store = opened(url)
    head = store.head(AGENT, THREAD)
    assert head is not None
    assert (head.checkpoint_id, head.version) == (winners[-1], ROUNDS)
    assert [record.id for record in store.history(AGENT, THREAD)] == winners[::-1]
    for name in winners:
        racer, _, number_of = name.partition("-")
        assert store.load(store.get(name)) == state_of(racer, int(number_of))
    assert findings_of(store) == []
    store.close()


def raced(racers: dict[str, subprocess.Popen[str]], number: int, head: str) -> dict[str, str]:
    """Let both start at one moment; return what each says."""
    moment = time.monotonic() + RUN_UP_SECONDS
    for process in racers.values():
        print(number, head, moment, file=process.stdin, flush=True)
    return {name: first_line_of(process).rstrip() for name, process in racers.items()}
