"""A native store with a thread, registered and scanned."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benches import Bench, Clock, register, save_steps


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bench(db: None, tmp_path: Path, clock: Clock) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    return register(url, thread_id="main", clock=clock)
