"""Branches of one thread that are saved in turn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.records import Draft
from checkpoints.stores.base import Store


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = (
        f"sqlite:///{tmp_path}/branches.db"
        if request.param == "sqlite"
        else request.getfixturevalue(f"{request.param}_url")
    )
    opened = checkpoints.open_store(url)
    assert isinstance(opened, Store)
    yield opened
    opened.close()


def branch_of(name: str) -> Callable[[int], dict[str, Any]]:
    chance = random.Random(name)
    lines = [chance.randbytes(500).hex() for _ in range(200)]
    return lambda step: {"lines": [*lines, *(f"{name} {n}" for n in range(step))]}


def test_each_save_is_kept_against_its_own_parent(store: Store) -> None:
    branches = {name: branch_of(name) for name in ("one", "other")}
    parents: dict[str, str] = {}
    head = None
    for step in range(6):
        for name, state in branches.items():
            draft = Draft(
                id=f"{name}-{step}",
                agent_id="a",
                thread_id="t",
                step=step,
                created_at=datetime(2026, 1, 1, 0, step, tzinfo=UTC),
                parent_id=parents.get(name),
            )
            saved = store.put(draft, state(step), expected_head=head)
            parents[name] = head = saved.id
            assert step == 0 or (saved.stored_size or 0) < 1_000
    for name, state in branches.items():
        for step in range(6):
            assert store.load(store.get(f"{name}-{step}")) == state(step)
