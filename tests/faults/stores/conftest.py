"""New stores of each kind, a shim that fails system calls, and disks made for one test."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.stores.disks import Disks
from tests.faults.stores.missing import missing

KINDS = ("sqlite", "file")
"""Kinds of stores that live on a disk which a test can take away, fill and damage."""
SERVERS = {"postgresql": "postgresql_url", "redis": "redis_url"}
"""Kinds of stores that live elsewhere, and the fixture that gives an empty one's URL."""
EVERYWHERE = (
    *KINDS,
    *(kind for kind in SERVERS if importlib.util.find_spec(f"checkpoints.stores.{kind}")),
)
SOURCE = Path(__file__).with_name("shim.c")

NewUrl = Callable[[], str]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> NewUrl:
    """Return a function that gives the URL of another store, where nothing lies yet.

    A server has one store for a test: its function gives that one again.
    """
    if kind in SERVERS:
        served = str(request.getfixturevalue(SERVERS[kind]))
        return lambda: served
    numbers = itertools.count()
    return lambda: url_in(tmp_path / f"place-{next(numbers)}", kind)


@pytest.fixture
def url(new_url: NewUrl) -> str:
    """The URL of a store that is not there yet."""
    return new_url()


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library to preload, compiled."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        missing("A C compiler", "install one or name it in CC")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing("A C compiler that builds a preload library", done.stderr.strip()[-300:])
    return library


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    """Small disks; whatever a test mounts is unmounted after it."""
    made = Disks(tmp_path / "disks")
    yield made
    made.undo()


def url_in(folder: Path, kind: str) -> str:
    """Return the URL of a store of a kind in a folder."""
    name = "store.db" if kind == "sqlite" else "store"
    return f"{kind}:///{folder / name}"
