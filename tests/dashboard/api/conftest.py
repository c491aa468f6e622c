"""A store in the index, and a program that may operate on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.api.callers import Caller, caller_of


@pytest.fixture
def bench(db: None, tmp_path: Path) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    return register(url, thread_id="main", clock=Clock())


@pytest.fixture
def operator(bench: Bench) -> Caller:
    """A program of an operator that may read and operate."""
    return caller_of(bench.user, "read", "operate")
