"""What it costs an agent to have the SDK at all."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Literal

from benchmarks.measure import Row, median_ms, p99, seconds
from benchmarks.states import append
from checkpoints import CheckpointManager, ResilientCheckpointManager

CHECKS = 200_000
STEPS = 200
STATE_BYTES = 100_000
LARGE_BYTES = 64 * 1024 * 1024
_MEMORY = """
import random, resource, sys
from checkpoints import CheckpointManager
url, durability, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
words = [random.randbytes(6).hex() for _ in range(4096)]
log = [" ".join(random.choices(words, k=300)) for _ in range(size // 3900)]
manager = CheckpointManager("agent", store=url, durability=durability)
manager.create_checkpoint(state={"n": 0})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manager.create_checkpoint(state={"log": log})
manager.flush()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manager.history(1)
print((after - before) * 1024 / sum(map(len, log)))
"""


def rows() -> Iterator[Row]:
    """Measure the import, the trigger, what a save adds to a step, and its memory."""
    yield Row(name="import checkpoints", value=_import_ms(), unit="ms", goal=150)
    yield Row(name="should_checkpoint()", value=_check_us(), unit="µs", goal=5)
    yield from _saves("a save of a 100 KB state", CheckpointManager, goal=5)
    yield from _saves("the same with retention and retries", ResilientCheckpointManager)
    yield from _saves("the same with durability=async", CheckpointManager, durability="async")
    for durability in ("sync", "async"):
        yield Row(
            name=f"memory of a 64 MB save, durability={durability}",
            value=_memory(durability),
            unit="× the state",
            goal=3,
            note="peak above what the process had with the state in it",
        )


def _import_ms() -> float:
    def run(code: str) -> float:
        return median_ms(lambda: subprocess.run([sys.executable, "-c", code], check=True), 9)

    return run("import checkpoints") - run("pass")


def _check_us() -> float:
    manager = CheckpointManager(
        "agent",
        store="memory://",
        checkpoint_frequency=10**9,
        checkpoint_interval=10**9,
        refresh_after=10**9,
    )

    def check() -> None:
        for _ in range(CHECKS):
            manager.should_checkpoint()

    return median_ms(check, 5) * 1000 / CHECKS


def _saves(
    name: str,
    manager_of: Callable[..., CheckpointManager],
    *,
    goal: float | None = None,
    durability: Literal["sync", "async"] = "sync",
) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        manager = manager_of("agent", store=f"sqlite:///{folder}/store.db", durability=durability)
        times = [
            seconds(partial(manager.create_checkpoint, state=state)) * 1000
            for state in append(STEPS, first=STATE_BYTES - 10_000, last=STATE_BYTES + 10_000)
        ]
        manager.close()
    yield Row(name=f"{name}, median", value=median(times), unit="ms", goal=goal)
    yield Row(name=f"{name}, p99", value=p99(times), unit="ms")


def _memory(durability: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.db"
        command = [sys.executable, "-c", _MEMORY, url, durability, str(LARGE_BYTES)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)
