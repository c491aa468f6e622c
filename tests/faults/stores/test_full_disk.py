"""A disk that fills, and files that may not grow: what is safe stays, and saving goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checkpoints import PermanentStoreError
from tests.faults.stores.children import lines_of, start
from tests.faults.stores.conftest import url_in
from tests.faults.stores.disks import Disks
from tests.faults.stores.filling import MOST, THREAD, Told, fill, incompressible, save_on
from tests.faults.stores.states import findings_of, listed, opened

DISK_KILOBYTES = 600
BALLAST = 200_000
LIMIT = 300_000


@pytest.fixture
def disk(disks: Disks) -> Path:
    """A small disk with something on it that can be deleted."""
    place = disks.tmpfs(DISK_KILOBYTES)
    ballast(place).write_bytes(bytes(BALLAST))
    return place


def ballast(disk: Path) -> Path:
    return disk / "ballast"


def require_kept(url: str, told: Told) -> None:
    """Every acknowledged save loads in a store opened anew; none is made up."""
    store = opened(url)
    loaded = {record.step: store.load(record) for record in listed(store, THREAD)}
    assert set(told.acknowledged) <= loaded.keys() <= {*range(1, len(loaded) + 2), MOST}
    assert all(state == incompressible(number) for number, state in loaded.items())
    assert findings_of(store) == []
    store.close()


def require_said(told: Told, *words: str) -> None:
    assert (told.error, told.ours) == (PermanentStoreError.__name__, True), told.text
    assert any(word in told.text for word in words), told.text
    assert "safe" in told.text or "nothing was" in told.text


def test_a_full_disk_is_said_and_loses_nothing(disk: Path, kind: str) -> None:
    store = opened(url_in(disk, kind))
    told = fill(store)
    assert len(told.acknowledged) > 5
    require_said(told, "disk is full")
    assert "safe" in told.text
    require_kept(store.url, told)
    store.close()


def test_the_same_opened_store_saves_on_when_there_is_space_again(disk: Path, kind: str) -> None:
    store = opened(url_in(disk, kind))
    told = fill(store)
    ballast(disk).unlink()
    save_on(store, told)
    assert told.afterwards == ""
    store.close()
    require_kept(store.url, told)


def test_a_store_opened_anew_saves_on_when_there_is_space_again(disk: Path, kind: str) -> None:
    store = opened(url_in(disk, kind))
    told = fill(store)
    store.close()
    ballast(disk).unlink()
    again = opened(store.url)
    save_on(again, told)
    assert told.afterwards == ""
    again.close()
    require_kept(store.url, told)


def test_a_disk_too_small_for_any_store_is_said_and_works_once_it_has_room(
    disks: Disks, kind: str
) -> None:
    disk = disks.tmpfs(12)
    ballast(disk).write_bytes(bytes(8000))
    url = url_in(disk, kind)
    told = fill(opened(url))
    assert told.acknowledged == []
    require_said(told, "disk is full")
    store = opened(url)
    assert listed(store, THREAD) == []
    assert findings_of(store) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_limit_on_the_size_of_files_is_said_and_loses_nothing(url: str) -> None:
    told = limited(url, LIMIT)
    assert len(told.acknowledged) > 5
    require_said(told, "full", "limit", "too large")
    require_kept(url, told)


def test_the_same_opened_store_saves_on_when_the_limit_is_lifted(url: str, kind: str) -> None:
    told = limited(url, LIMIT if kind == "sqlite" else 9000)
    assert told.ours, told.text
    assert told.afterwards == ""
    require_kept(url, told)


def limited(url: str, limit: int) -> Told:
    """Let a process save whose files must not grow beyond a limit."""
    Path(url.split("://")[1]).parent.mkdir(parents=True, exist_ok=True)
    (text,) = lines_of(start("filling", url, str(limit)))
    return Told(**json.loads(text))
