"""The folder store: readable files, and a journal that survives crashes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from checkpoints import CheckpointManager, CorruptCheckpoint, PermanentStoreError, open_store
from checkpoints.stores.folder.store import FileStore
from checkpoints.testing import draft, save_chain


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def opened(root: Path) -> FileStore:
    store = open_store(f"file:///{root}")
    assert isinstance(store, FileStore)
    return store


def test_a_checkpoint_is_a_file_that_people_can_read(root: Path) -> None:
    save_chain(opened(root), 1)
    document = json.loads((root / "agent-1" / "main" / "c1.json").read_text())
    assert document["record"]["agent_id"] == "agent-1"
    assert document["state"] == {"step": 1, "log": [0]}


def test_no_name_leaves_the_folder(root: Path) -> None:
    given = draft(1, id="../../escaped", agent_id="../..", thread_id="/etc")
    opened(root).put(given, {}, expected_head=None)
    outside = [p for p in root.parent.rglob("*") if p.is_file() and root not in p.parents]
    assert outside == []


def test_an_edited_file_is_corrupt_and_the_others_load(root: Path) -> None:
    store = opened(root)
    first, second = save_chain(store, 2)
    path = root / "agent-1" / "main" / "c1.json"
    path.write_text(path.read_text().replace('"step": 1,\n    "log"', '"step": 7,\n    "log"'))
    with pytest.raises(CorruptCheckpoint, match="altered"):
        store.load(first)
    assert store.load(second)["step"] == 2
    assert [f.checkpoint_id for f in store.verify()] == ["c1"]


def test_a_torn_last_line_was_never_acknowledged_and_is_cut_off(root: Path) -> None:
    save_chain(opened(root), 2)
    journal = root / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'0badc0de {"event": "put", "che')
    store = opened(root)
    store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert [c.id for c in opened(root).history("agent-1", "main")] == ["c3", "c2", "c1"]


def test_every_truncation_of_the_journal_leaves_a_store_that_opens(root: Path) -> None:
    save_chain(opened(root), 3)
    journal = root / "journal.jsonl"
    whole = journal.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole)):
        journal.write_bytes(whole[:length])
        listed = [t.checkpoints for t in opened(root).threads()]
        complete = whole[:length].count(b"\n") - 1
        assert sum(listed) == complete


def test_a_damaged_line_is_named_and_the_rest_is_listed(root: Path) -> None:
    save_chain(opened(root), 3)
    journal = root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"step":2', b'"step":3')
    journal.write_bytes(b"".join(lines))
    store = opened(root)
    assert [c.id for c in store.history("agent-1", "main")] == ["c3", "c1"]
    assert [f.kind for f in store.verify()] == ["damaged_journal", "unlisted_file"]


def test_after_a_failed_write_the_journal_takes_nothing_more(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(root)
    save_chain(store, 1)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PermanentStoreError, match="disk is full"):
        store.pin(store.get("c1"), reason="golden", now=draft(1).created_at)
    monkeypatch.undo()
    with pytest.raises(PermanentStoreError, match="open the store anew"):
        store.pin(store.get("c1"), reason="golden", now=draft(1).created_at)
    assert opened(root).load(opened(root).get("c1"))["step"] == 1


def test_a_short_write_leaves_no_half_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(root)
    save_chain(store, 1)
    journal = root / "journal.jsonl"
    before = journal.read_bytes()
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[: len(data) // 2]))
    with pytest.raises(PermanentStoreError):
        store.pin(store.get("c1"), reason="golden", now=draft(1).created_at)
    monkeypatch.undo()
    assert journal.read_bytes() == before


def test_a_folder_of_something_else_is_left_alone(root: Path) -> None:
    root.mkdir()
    (root / "letter.txt").write_text("dear reader")
    with pytest.raises(PermanentStoreError, match="not a Holdfast folder"):
        opened(root)


def test_a_file_in_the_folders_place_is_named(root: Path) -> None:
    root.write_text("a file")
    with pytest.raises(PermanentStoreError, match="is a file"):
        opened(root)


def test_a_newer_format_is_refused(root: Path) -> None:
    store = opened(root)
    store._journal.path.parent.mkdir()
    store._journal.path.touch()
    store._journal._append({"format": 99, "store_id": "x"})
    with pytest.raises(PermanentStoreError, match="format 99"):
        list(opened(root).threads())


def test_a_damaged_last_newline_hides_nothing_and_is_mended_by_the_next_save(root: Path) -> None:
    save_chain(opened(root), 2)
    flip_last_byte(root / "journal.jsonl")
    store = opened(root)
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert [c.id for c in opened(root).history("agent-1", "main")] == ["c3", "c2", "c1"]
    assert list(opened(root).verify()) == []


def test_a_torn_line_is_told_by_verify(root: Path) -> None:
    save_chain(opened(root), 1)
    with (root / "journal.jsonl").open("ab") as journal:
        journal.write(b"0badc0de {")
    assert [f.kind for f in opened(root).verify()] == ["torn_journal"]


def test_a_journal_that_was_cut_under_an_open_store_is_not_written_to(root: Path) -> None:
    store = opened(root)
    save_chain(store, 3)
    journal = root / "journal.jsonl"
    cut = b"".join(journal.read_bytes().splitlines(keepends=True)[:2])
    journal.write_bytes(cut)
    with pytest.raises(PermanentStoreError, match="Open the store anew"):
        store.put(draft(4, parent="c3"), {}, expected_head="c3")
    assert journal.read_bytes() == cut


def test_a_journal_that_was_replaced_under_an_open_store_is_not_written_to(root: Path) -> None:
    store = opened(root)
    save_chain(store, 1)
    journal = root / "journal.jsonl"
    data = journal.read_bytes()
    journal.rename(root / "old.jsonl")
    journal.write_bytes(data + data)
    with pytest.raises(PermanentStoreError, match="Open the store anew"):
        store.put(draft(2, parent="c1"), {}, expected_head="c1")


def test_a_head_whose_line_is_damaged_is_told_and_not_taken_for_a_fresh_thread(root: Path) -> None:
    save_chain(opened(root), 2)
    journal = root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    opened(root).pin(opened(root).get("c1"), reason="golden", now=draft(1).created_at)
    store = opened(root)
    store.set_head(store.get("c1"), expected="c2", now=draft(1).created_at)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"c1", b"c7")
    journal.write_bytes(b"".join(lines))
    with pytest.raises(CorruptCheckpoint, match="no longer listed"):
        CheckpointManager("agent-1", store=opened(root)).resume()
    kinds = {f.kind for f in opened(root).verify()}
    assert kinds == {"damaged_journal", "dangling_head", "unlisted_file"}
