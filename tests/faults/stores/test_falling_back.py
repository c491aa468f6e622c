"""A primary whose disk is really full."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints import Store, open_store
from checkpoints.stores.decorators.fallback import FallbackStore
from tests.faults.stores.disks import Disks
from tests.faults.stores.filling import incompressible
from tests.faults.stores.states import AGENT, draft_of

THREAD = "main"
SAVES = 60


def _opened(url: str) -> Store:
    store = open_store(url)
    assert isinstance(store, Store)
    return store


def _numbers(store: Store) -> list[int]:
    return [store.load(record)["n"] for record in store.history(AGENT, THREAD)]


@pytest.mark.parametrize("url", ["sqlite:///{}/home.db", "file:///{}/home"])
def test_saves_on_a_full_disk_go_elsewhere_and_come_home_when_there_is_room(
    disks: Disks, tmp_path: Path, url: str
) -> None:
    disk = disks.tmpfs(16 * 1024)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(16_400_000))
    home = _opened(url.format(disk))
    aside = _opened(f"sqlite:///{tmp_path}/aside.db")
    store = FallbackStore(home, aside)
    parent = None
    for number in range(1, SAVES):
        given = draft_of(THREAD, number, parent=parent)
        parent = store.put(given, incompressible(number), expected_head=parent).id
    everything = list(range(SAVES - 1, 0, -1))
    assert 0 < len(_numbers(home)) < len(everything)
    assert _numbers(store) == everything

    ballast.unlink()
    given = draft_of(THREAD, SAVES, parent=parent)
    store.put(given, incompressible(SAVES), expected_head=parent)
    assert _numbers(home) == _numbers(store) == [SAVES, *everything]
    assert [finding.kind for finding in store.verify()] == []
    store.close()
