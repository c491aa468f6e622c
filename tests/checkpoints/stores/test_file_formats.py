"""The three formats of a folder store: each keeps every promise, and a folder may hold a mix."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, cast

import pytest
import zstandard

from checkpoints import Checkpoint, CorruptCheckpoint, PermanentStoreError, Store, open_store
from checkpoints.bodies.encryption import Keyring
from checkpoints.stores.folder import store as files
from checkpoints.stores.folder.store import FileStore
from checkpoints.stores.urls import parse_url
from checkpoints.testing import NOON, OpenStore, StoreSuite, draft, save_chain

FORMATS = ("json", "jsonl.gz", "jsonl.zst")


def opened(root: Path, form: str = "json") -> FileStore:
    return cast(FileStore, open_store(f"file:///{root}?format={form}"))


class TestGzip(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        url = f"file:///{tmp_path}/deep/store?format=jsonl.gz"
        return lambda: files.open_url(parse_url(url))


class TestZstd(StoreSuite):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        url = f"file:///{tmp_path}/deep/store?format=jsonl.zst"
        return lambda: files.open_url(parse_url(url))


@pytest.mark.parametrize(
    ("form", "unpacked"), [("jsonl.gz", gzip.decompress), ("jsonl.zst", zstandard.decompress)]
)
def test_a_compressed_file_has_the_record_in_its_first_line_and_the_state_in_its_second(
    form: str, unpacked: object, tmp_path: Path
) -> None:
    save_chain(opened(tmp_path / "s", form), 1)
    data = (tmp_path / "s" / "agent-1" / "main" / f"c1.{form}").read_bytes()
    record, state = unpacked(data).splitlines()  # type: ignore[operator]
    assert json.loads(record)["record"]["id"] == "c1"
    assert json.loads(state) == {"step": 1, "log": [0]}


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_checkpoint_is_the_same_file(form: str, tmp_path: Path) -> None:
    stores = [opened(tmp_path / name, form) for name in ("a", "b")]
    one, other = (store.raw(save_chain(store, 1)[0]) for store in stores)
    assert one == other


def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(PermanentStoreError, match="jsonl.zst"):
        opened(tmp_path / "s", "xml")


def test_a_folder_may_hold_every_format_at_once(tmp_path: Path) -> None:
    parent = None
    for number, form in enumerate((*FORMATS, "json"), start=1):
        store = opened(tmp_path / "s", form)
        saved = store.put(draft(number, parent=parent), {"n": number}, expected_head=parent)
        parent = saved.id
    for form in FORMATS:
        store = opened(tmp_path / "s", form)
        assert [store.load(c)["n"] for c in store.history("agent-1", "main")] == [4, 3, 2, 1]
        assert list(store.verify()) == list(store.verify_deep()) == []
        assert store.fields(store.get("c2"))["n"] == 2


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_somebody_packed_anew_is_still_the_checkpoint(
    form: str, tmp_path: Path
) -> None:
    store = opened(tmp_path / "s", "jsonl.gz")
    (saved,) = save_chain(store, 1)
    packed = tmp_path / "s" / "agent-1" / "main" / "c1.jsonl.gz"
    text = gzip.decompress(packed.read_bytes())
    packed.unlink()
    again = {
        "json": text,
        "jsonl.gz": gzip.compress(text, 1),
        "jsonl.zst": zstandard.compress(text),
    }
    packed.with_name(f"c1.{form}").write_bytes(again[form])
    assert store.load(saved) == {"step": 1, "log": [0]}
    assert list(store.verify()) == []


def test_a_leftover_in_another_format_hides_nothing(tmp_path: Path) -> None:
    (saved,) = save_chain(opened(tmp_path / "s", "jsonl.gz"), 1)
    folder = tmp_path / "s" / "agent-1" / "main"
    (folder / "c1.json").write_text('{"record": {}, "state": {"step": 7}}')
    store = opened(tmp_path / "s", "json")
    assert store.load(saved)["step"] == 1
    assert list(store.verify()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_sweep_takes_the_files_of_every_format(form: str, tmp_path: Path) -> None:
    save_chain(opened(tmp_path / "s", form), 2)
    store = opened(tmp_path / "s")
    store.trash({"c1": "age"}, now=NOON)
    assert store.sweep(before=draft(9).created_at) > 0
    assert [p.name for p in store._folder.files()] == [f"c2.{form}"]


def loaded(store: FileStore, saved: Checkpoint) -> dict[str, Any] | None:
    """Return a state, None when it is corrupt."""
    try:
        return store.load(saved)
    except CorruptCheckpoint:
        return None


@pytest.mark.parametrize("form", FORMATS)
def test_whichever_byte_is_flipped_no_other_state_is_loaded_and_the_damage_is_named(
    form: str, tmp_path: Path
) -> None:
    store = opened(tmp_path / "s", form)
    (saved,) = save_chain(store, 1)
    path = tmp_path / "s" / "agent-1" / "main" / f"c1.{form}"
    whole = path.read_bytes()
    named = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = [(f.kind, f.checkpoint_id) for f in store.verify()]
        named += bool(found)
        assert (loaded(store, saved) is not None) or found == [("corrupt_checkpoint", "c1")]
        assert loaded(store, saved) in (None, {"step": 1, "log": [0]})
    assert named > len(whole) // 2


@pytest.mark.parametrize("form", FORMATS)
def test_wherever_a_file_is_cut_it_is_corrupt(form: str, tmp_path: Path) -> None:
    store = opened(tmp_path / "s", form)
    (saved,) = save_chain(store, 1)
    path = tmp_path / "s" / "agent-1" / "main" / f"c1.{form}"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptCheckpoint):
            store.load(saved)
        assert [f.kind for f in store.verify()] == ["corrupt_checkpoint"]


@pytest.mark.parametrize("data", [gzip.compress(bytes(10**7)), zstandard.compress(bytes(10**7))])
def test_a_file_that_unpacks_to_nonsense_is_corrupt(data: bytes, tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    (saved,) = save_chain(store, 1)
    (tmp_path / "s" / "agent-1" / "main" / "c1.json").write_bytes(data)
    with pytest.raises(CorruptCheckpoint):
        store.load(saved)


def test_with_keys_a_folder_can_be_read_but_nothing_is_saved_in_the_open(tmp_path: Path) -> None:
    url = f"file:///{tmp_path}/store"
    save_chain(cast(Store, open_store(url)), 2)
    keys = Keyring([("a", bytes(32))])
    store = cast(Store, open_store(url, keys=keys))
    assert store.load(store.get("c2"))["step"] == 2
    with pytest.raises(PermanentStoreError, match="never encrypted"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
