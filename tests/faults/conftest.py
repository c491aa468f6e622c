"""One thread on each kind of store that can be restored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.benches import Bench, Clock, register, save_steps

LANGGRAPH_THREAD = "crew-alpha"
KINDS = ("sqlite", "file", "langgraph")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(
    store_kind: str,
    transactional_db: None,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    clock: Clock,
) -> Bench:
    if store_kind == "langgraph":
        return langgraph_bench(request.getfixturevalue("samples"), tmp_path, clock)
    url = f"{store_kind}:///{tmp_path}/agents"
    save_steps(url)
    return register(url, thread_id="main", clock=clock)


def langgraph_bench(samples: Path, folder: Path, clock: Clock) -> Bench:
    url = copy_of_langgraph(samples, folder)
    return register(url, thread_id=LANGGRAPH_THREAD, clock=clock)


def copy_of_langgraph(samples: Path, folder: Path) -> str:
    """Copy the sample, as tests write to it, and return the copy's URL."""
    copy = folder / "langgraph.sqlite"
    shutil.copyfile(samples / "langgraph.sqlite", copy)
    return f"langgraph+sqlite:///{copy}"
