"""A hundred operations while workers and their broker are killed: every one ends, once."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from tests.faults.amounts import KINDS, SAVES, STORES
from tests.faults.processes import Installation, wait_until
from tests.services import RedisProcess

KILLS = 20
WORKERS = 2
PATIENCE_SECONDS = 240
ENDED = "state NOT IN ('queued', 'running')"


@dataclass(frozen=True, slots=True)
class Drained(Installation):
    """An installation with a broker of its own, or the embedded one."""

    broker_url: str = ""

    def environment(self) -> dict[str, str]:
        return {**Installation.environment(self), "HOLDFAST_BROKER_URL": self.broker_url}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the index, beside the processes that write it."""
        with closing(sqlite3.connect(self.data_dir / "dashboard.db", timeout=20)) as database:
            return database.execute(sql).fetchall()

    def ended(self) -> int:
        """Return how many operations have ended."""
        return int(self.rows(f"SELECT count(*) FROM dashboard_operation WHERE {ENDED}")[0][0])


@dataclass
class Workers:
    """Real workers, each of which leads a process group that is killed as a whole."""

    breeder: subprocess.Popen[str]
    alive: list[int] = field(default_factory=list)

    def start(self) -> None:
        assert self.breeder.stdin is not None
        assert self.breeder.stdout is not None
        self.breeder.stdin.write("one more\n")
        self.breeder.stdin.flush()
        self.alive.append(int(self.breeder.stdout.readline()))

    def kill_one(self) -> None:
        os.killpg(self.alive.pop(0), signal.SIGKILL)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Drained]:
    installation = Drained(tmp_path / "data")
    yield installation
    installation.kill_all()


def drain(installation: Drained, folder: Path, kill: Callable[[Workers, int], None]) -> None:
    """Ask for everything, and kill while it is worked through."""
    asking = installation.start("-m", "tests.faults.drain", "queue", str(folder))
    assert asking.wait(PATIENCE_SECONDS) == 0
    command = ("-m", "tests.faults.drain", "breed")
    breeder = installation.start(*command, stdin=subprocess.PIPE)
    workers = Workers(breeder)
    for _ in range(WORKERS):
        workers.start()
    wait_until(installation.ended, what="the first operation ends", seconds=PATIENCE_SECONDS)
    for number in range(KILLS):
        time.sleep(random.Random(number).uniform(0.2, 0.8))
        kill(workers, number)
    wait_until(
        lambda: installation.ended() == total(),
        what="every operation ends",
        seconds=PATIENCE_SECONDS,
    )


def total() -> int:
    return STORES * sum(KINDS.values())


def require_done_once(installation: Drained, folder: Path) -> None:
    rows = installation.rows("SELECT kind, state, count(*) FROM dashboard_operation GROUP BY 1, 2")
    counted = {(kind, state): count for kind, state, count in rows}
    assert counted == {(kind, "succeeded"): STORES * count for kind, count in KINDS.items()}
    noted = "SELECT count(*) FROM dashboard_auditevent WHERE action = 'operation.succeeded'"
    assert installation.rows(noted) == [(total(),)]
    assert installation.rows("SELECT count(*) FROM dashboard_threadlock") == [(0,)]
    for number in range(STORES):
        assert effects_in(f"sqlite:///{folder}/agents-{number}.db") == expected_effects()


def effects_in(url: str) -> Counter[str]:
    """Count what was done to the threads of a store, by what each looks like."""
    store: Any = checkpoints.open_native_store(url)
    found: Counter[str] = Counter()
    for thread in store.threads():
        records = store.history(thread.agent_id, thread.thread_id)
        head = store.head(thread.agent_id, thread.thread_id)
        forked = "forked " if "forked_from" in records[-1].metadata else ""
        found[f"{forked}{len(records)} listed, head moved {head.version} times"] += 1
    store.close()
    return found


def expected_effects() -> Counter[str]:
    """Say what the threads of a store look like when each operation was done once."""
    untouched = KINDS["fork"] + KINDS["verify"]
    return Counter(
        {
            f"{SAVES} listed, head moved {SAVES} times": untouched,
            f"{SAVES} listed, head moved {SAVES + 1} times": KINDS["restore"],
            f"{SAVES - 1} listed, head moved {SAVES} times": KINDS["prune"],
            "forked 1 listed, head moved 2 times": KINDS["fork"],
        }
    )


@pytest.mark.timeout(600)
def test_a_hundred_operations_drain_while_workers_are_killed(
    installation: Drained, tmp_path: Path
) -> None:
    def kill(workers: Workers, number: int) -> None:
        workers.kill_one()
        workers.start()

    drain(installation, tmp_path, kill)

    require_done_once(installation, tmp_path)


@pytest.mark.timeout(600)
def test_a_hundred_operations_drain_while_workers_and_redis_are_killed(
    tmp_path: Path, start_redis: Callable[..., RedisProcess]
) -> None:
    server = start_redis()
    installation = Drained(tmp_path / "data", broker_url=server.url)

    def kill(workers: Workers, number: int) -> None:
        if number % 2:
            server.kill()
            server.start()
        else:
            workers.kill_one()
            workers.start()

    try:
        drain(installation, tmp_path, kill)
        require_done_once(installation, tmp_path)
    finally:
        installation.kill_all()
