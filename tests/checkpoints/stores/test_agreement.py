"""Stores of different kinds agree about whatever happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from checkpoints import Store, open_store
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON
from tests.checkpoints.stores.lives import THREADS, live

Open = Callable[[], Store]


@pytest.fixture(params=["sqlite", "file", "postgresql"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Return a function that opens a store of another kind."""
    urls = {"sqlite": f"sqlite:///{tmp_path}/store.db", "file": f"file:///{tmp_path}/store"}
    if request.param in urls:
        return lambda: cast(Store, open_store(urls[request.param]))
    url = request.getfixturevalue("postgresql_url")
    return lambda: cast(Store, open_store(url))


@pytest.mark.parametrize("seed", range(5))
def test_what_happened_is_told_alike(open_one: Open, seed: int) -> None:
    memory, other = MemoryStore(), open_one()
    for store in (memory, other):
        live(store, seed)
    assert told(other) == told(memory)
    other.close()
    again = open_one()
    assert told(again) == told(memory)
    assert list(again.verify()) == []
    again.rebuild(now=NOON)  # type: ignore[attr-defined]
    assert told(again) == told(memory)
    again.close()


def told(store: Store) -> dict[str, Any]:
    """Return all that a store tells, but for what kinds of stores measure otherwise."""
    heads = {thread: store.head("agent-1", thread) for thread in THREADS}
    histories = {t: store.history("agent-1", t) for t in THREADS if heads[t] is not None}
    changes = store.changes(None, limit=10_000)
    return {
        "heads": heads,
        "threads": sorted(store.threads(), key=lambda thread: thread.thread_id),
        "records": {t: [replace(c, stored_size=None) for c in histories[t]] for t in histories},
        "states": {c.id: store.load(c) for records in histories.values() for c in records},
        "entries": {t: store.entries("agent-1", t, kind="effect") for t in THREADS},
        "journals": store.journals(),
        "removals": {removal.checkpoint_id for removal in changes.removals},
        "new": [record.id for record in changes.checkpoints],
    }
