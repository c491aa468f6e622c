"""One thread on each kind of store that can be restored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.benches import Bench, Clock, register, save_steps

KINDS = ("sqlite", "file", "langgraph", "kaizen")
WRITTEN_BY_OTHERS = ("langgraph", "kaizen")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A store of one kind that tests may write to."""
    if store_kind in WRITTEN_BY_OTHERS:
        return copied(store_kind, request.getfixturevalue("samples"), tmp_path)
    url = f"{store_kind}:///{tmp_path}/agents"
    save_steps(url)
    return url


@pytest.fixture
def thread_id(store_kind: str) -> str:
    return "crew-alpha" if store_kind == "langgraph" else "main"


@pytest.fixture
def bench(url: str, thread_id: str, transactional_db: None, clock: Clock) -> Bench:
    return register(url, thread_id=thread_id, clock=clock)


def copied(kind: str, samples: Path, folder: Path) -> str:
    """Copy a sample and return the copy's URL."""
    if kind == "kaizen":
        shutil.copytree(samples / "kaizen" / "mixed", folder / "mixed")
        return f"kaizen:///{folder}/mixed"
    shutil.copyfile(samples / "langgraph.sqlite", folder / "langgraph.sqlite")
    return f"langgraph+sqlite:///{folder}/langgraph.sqlite"
