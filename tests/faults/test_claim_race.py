"""Many workers want the same operations: each is claimed by one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import PATIENCE_SECONDS, Installation

PROCESSES = 3
THREADS_EACH = 3


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    installation = Installation(tmp_path / "data", url)
    yield installation
    installation.kill_all()


def race(installation: Installation, start: Path) -> list[str]:
    """Let all claimants loose at once and return every id that any of them got."""
    words = ("-m", "tests.faults.claimants", str(THREADS_EACH), str(start))
    claimants = [installation.start(*words) for _ in range(PROCESSES)]
    for claimant in claimants:
        assert claimant.stdout is not None
        assert claimant.stdout.readline() == "ready\n"
    start.touch()
    outputs = [claimant.communicate(timeout=PATIENCE_SECONDS)[0] for claimant in claimants]
    assert [claimant.returncode for claimant in claimants] == [0] * PROCESSES
    return [line for output in outputs for line in output.splitlines()]


def queue_up(installation: Installation, *, threads: int, per_thread: int) -> None:
    words = ("-m", "tests.faults.queue_up", str(threads), str(per_thread))
    done = installation.run(*words)
    assert done.returncode == 0, done.stderr


def test_each_operation_is_claimed_exactly_once(installation: Installation, tmp_path: Path) -> None:
    queue_up(installation, threads=40, per_thread=1)

    claimed = Counter(race(installation, tmp_path / "start"))

    assert len(claimed) == 40
    assert set(claimed.values()) == {1}


def test_of_one_threads_operations_one_is_claimed(
    installation: Installation, tmp_path: Path
) -> None:
    queue_up(installation, threads=5, per_thread=4)

    claimed = race(installation, tmp_path / "start")

    assert len(claimed) == len(set(claimed)) == 5
