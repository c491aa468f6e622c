"""Places that are not as a store would like them: read-only, somebody else's, of another time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checkpoints import CheckpointError, PermanentStoreError, Store
from tests.faults.stores.conftest import url_in
from tests.faults.stores.disks import Disks
from tests.faults.stores.places import FOREIGN, bump_format, everything_at, path_of
from tests.faults.stores.states import (
    AGENT,
    MORNING,
    draft_of,
    findings_of,
    opened,
    save,
    save_several,
    state_of,
)

LONG = "x" * 10_000
NAMES = ["a/b", "/", "../../up", LONG, f"{LONG}/{LONG}", "a\\b:c*?", ".lock", "journal.jsonl"]


@pytest.fixture
def view(disks: Disks, kind: str, tmp_path: Path) -> str:
    """The URL of a store with three checkpoints that cannot be written to."""
    folder = tmp_path / "written"
    store = opened(url_in(folder, kind))
    save_several(store, "main", (1, 2, 3))
    store.close()
    return url_in(disks.read_only(folder), kind)


def test_a_store_on_a_read_only_disk_can_be_read(view: str) -> None:
    store = opened(view)
    assert [record.step for record in store.history(AGENT, "main")] == [3, 2, 1]
    assert store.load(store.get("main-3")) == state_of("main", 3)
    assert list(store.verify()) == []
    store.close()


def test_a_store_on_a_read_only_disk_refuses_to_save_and_says_why(view: str) -> None:
    before = everything_at(path_of(view))
    given = draft_of("main", 4, parent="main-3")
    for store in (opened(view), read_before(view)):
        for _ in range(2):
            with pytest.raises(PermanentStoreError, match=r"permitted|may not be written|may you"):
                store.put(given, {}, expected_head="main-3")
        store.close()
    assert everything_at(path_of(view)) == before


def read_before(url: str) -> Store:
    """Open a store and read in it, as far as that can be done."""
    store = opened(url)
    try:
        store.head(AGENT, "main")
    except CheckpointError:
        return opened(url)
    return store


@pytest.mark.parametrize("lay", FOREIGN.values(), ids=FOREIGN)
def test_what_is_somebody_elses_is_named_and_left_alone(
    url: str, lay: Callable[[Path], None]
) -> None:
    path = path_of(url)
    path.parent.mkdir()
    lay(path)
    before = everything_at(path)
    with pytest.raises(PermanentStoreError, match=str(path)):
        save(opened(url), "main", 1)
    with pytest.raises(PermanentStoreError, match=str(path)):
        list(opened(url).threads())
    assert everything_at(path) == before


def test_a_newer_format_is_neither_read_nor_written(url: str) -> None:
    store = opened(url)
    save_several(store, "main", (1, 2))
    store.close()
    bump_format(url)
    before = everything_at(path_of(url))
    with pytest.raises(PermanentStoreError, match="format 97"):
        list(opened(url).threads())
    with pytest.raises(PermanentStoreError, match="format 97"):
        opened(url).put(draft_of("main", 3, parent="main-2"), {}, expected_head="main-2")
    assert everything_at(path_of(url)) == before


@pytest.mark.parametrize("begun_with", ["reading", "saving"])
def test_an_open_store_writes_no_more_once_a_newer_version_migrated_it(
    url: str, begun_with: str
) -> None:
    store = opened(url)
    save_several(store, "main", (1, 2))
    if begun_with == "reading":
        store.close()
        store = opened(url)
        assert store.head(AGENT, "main") is not None
    bump_format(url)
    for _ in range(2):
        with pytest.raises(PermanentStoreError, match=str(path_of(url))):
            store.put(draft_of("main", 3, parent="main-2"), {}, expected_head="main-2")
    with pytest.raises(PermanentStoreError, match=str(path_of(url))):
        store.trash({"main-1": "old"}, now=MORNING)
    store.close()


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12].replace("/", "|"))
def test_any_name_is_saved_restored_and_deleted(url: str, name: str, tmp_path: Path) -> None:
    store = opened(url)
    first = replace(draft_of(name, 1, parent=None, agent=name), id=name)
    second = replace(draft_of(name, 2, parent=name, agent=name), id=f"{name}+")
    store.put(first, state_of("main", 1), expected_head=None)
    store.put(second, state_of("main", 2), expected_head=name)
    store.close()
    again = opened(url)
    assert [record.id for record in again.history(name, name)] == [f"{name}+", name]
    assert again.load(again.get(name, thread_id=name)) == state_of("main", 1)
    assert [t.agent_id for t in again.threads()] == [name]
    assert findings_of(again) == []
    again.trash({name: "old"}, now=MORNING)
    again.sweep(before=MORNING + timedelta(days=1))
    assert again.load(again.get(f"{name}+")) == state_of("main", 2)
    assert findings_of(again) == []
    again.close()
    assert [path.name for path in tmp_path.iterdir()] == ["place-0"]
