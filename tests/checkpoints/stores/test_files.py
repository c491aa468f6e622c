"""The folder store: readable files, and a journal that survives crashes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from checkpoints import CorruptCheckpoint, PermanentStoreError, open_store
from checkpoints.stores.files import FileStore
from checkpoints.testing import draft, save_chain


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
    assert [f.kind for f in store.verify()] == ["damaged_journal"]


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
    store._journal._append({"format": 99, "store_id": "x"})
    with pytest.raises(PermanentStoreError, match="format 99"):
        list(opened(root).threads())
