"""A folder store that is verified, repaired and rebuilt."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from checkpoints import PermanentStoreError, Store, open_store
from checkpoints.stores.folder.store import FileStore
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON, draft, save_chain

LATER = NOON + timedelta(days=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def opened(root: Path) -> FileStore:
    return cast(FileStore, open_store(f"file:///{root}"))


def file_of(root: Path, name: str) -> Path:
    return root / "agent-1" / "main" / f"{name}.json"


def ids(store: Store) -> list[str]:
    return [c.id for c in store.history("agent-1", "main")]


def head_of(store: Store) -> str | None:
    head = store.head("agent-1", "main")
    return head.checkpoint_id if head else None


def alter_line(root: Path, number: int, old: bytes, new: bytes) -> None:
    lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new)
    (root / "journal.jsonl").write_bytes(b"".join(lines))


def test_a_record_altered_in_its_file_is_named_although_the_state_loads(root: Path) -> None:
    store = opened(root)
    (saved,) = save_chain(store, 1)
    path = file_of(root, "c1")
    path.write_text(path.read_text().replace('"agent-1"', '"agent-9"'))
    assert store.load(saved)["step"] == 1
    (found,) = store.verify()
    assert "record in its file" in found.message


def test_a_lost_file_is_named(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    file_of(root, "c1").unlink()
    assert [(f.kind, f.checkpoint_id) for f in store.verify()] == [("corrupt_checkpoint", "c1")]


def test_verify_reads_what_lies_in_the_trash_too(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    store.trash({"c1": "age"}, now=NOON)
    file_of(root, "c1").write_text("{}")
    assert [f.checkpoint_id for f in store.verify()] == ["c1"]


def test_repair_moves_a_damaged_file_away_with_the_reason_and_changes_tell_of_it(
    root: Path,
) -> None:
    store = opened(root)
    save_chain(store, 3)
    cursor = store.changes(None).cursor
    file_of(root, "c2").write_text("damaged")
    assert [(f.kind, f.checkpoint_id) for f in store.repair(now=LATER)] == [("quarantined", "c2")]
    (kept,) = (root / "quarantine" / "agent-1" / "main").glob("*c2.json")
    assert kept.read_text() == "damaged"
    assert "not the file that was saved" in kept.with_name(f"{kept.name}.why.txt").read_text()
    assert [r.checkpoint_id for r in opened(root).changes(cursor).removals] == ["c2"]
    assert ids(opened(root)) == ["c3", "c1"]
    assert list(opened(root).verify_deep()) == []
    assert store.repair(now=LATER) == []


def test_repair_leaves_a_head_that_lost_its_checkpoint_and_verify_says_so(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    file_of(root, "c2").unlink()
    store.repair(now=LATER)
    assert head_of(opened(root)) == "c2"
    assert [f.kind for f in opened(root).verify()] == ["dangling_head"]


def test_a_pin_on_what_was_quarantined_is_named(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    store.pin(store.get("c1"), reason="golden", now=NOON)
    file_of(root, "c1").unlink()
    store.repair(now=LATER)
    assert [f.kind for f in store.verify()] == ["dangling_pin"]


def test_repair_moves_an_unlisted_file_that_is_not_whole_and_leaves_one_that_is(
    root: Path,
) -> None:
    store = opened(root)
    save_chain(store, 2)
    whole = file_of(root, "c1").read_text().replace("c1", "c8")
    file_of(root, "half").write_text(whole[:100])
    file_of(root, "c1").rename(root / "kept")
    file_of(root, "c1").write_text((root / "kept").read_text())
    assert [f.kind for f in store.repair(now=LATER)] == ["quarantined"]
    assert not file_of(root, "half").exists()


def test_an_agent_called_quarantine_is_an_agent(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    other = store.put(draft(9, agent_id="quarantine"), {"n": 9}, expected_head=None)
    file_of(root, "c1").write_text("damaged")
    store.repair(now=LATER)
    assert opened(root).load(other) == {"n": 9}
    assert list(opened(root).verify()) == []


def test_repair_deletes_what_killed_saves_left_and_nothing_newer(root: Path) -> None:
    store = opened(root)
    save_chain(store, 1)
    old, new = (file_of(root, "c1").with_name(f".{name}.tmp") for name in ("old", "new"))
    for path, at in ((old, NOON), (new, LATER)):
        path.write_text("half")
        os.utime(path, (at.timestamp(), at.timestamp()))
    store.repair(now=LATER + timedelta(hours=1))
    assert (old.exists(), new.exists()) == (False, True)


def test_rebuild_lists_a_checkpoint_whose_line_is_damaged_at_its_old_place(root: Path) -> None:
    save_chain(opened(root), 3)
    cursor = opened(root).changes(None).cursor
    alter_line(root, 2, b'"step":2', b'"step":3')
    assert opened(root).rebuild(now=LATER) == 3
    store = opened(root)
    assert ids(store) == ["c3", "c2", "c1"]
    assert head_of(store) == "c3"
    assert list(store.verify_deep()) == []
    assert [c.id for c in store.changes(cursor).checkpoints] == ["c2"]
    (kept,) = root.glob("journal.*.damaged")
    assert b'"c2"' in kept.read_bytes()


def test_rebuild_gives_back_the_head_that_a_damaged_last_line_had_moved(root: Path) -> None:
    save_chain(opened(root), 3)
    alter_line(root, 3, b'"step":3', b'"step":2')
    assert head_of(opened(root)) == "c2"
    opened(root).rebuild(now=LATER)
    assert head_of(opened(root)) == "c3"


def test_rebuild_does_not_acknowledge_what_never_was(root: Path) -> None:
    save_chain(opened(root), 3)
    journal = root / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    opened(root).rebuild(now=LATER)
    assert head_of(opened(root)) == "c2"
    assert ids(opened(root)) == ["c3", "c2", "c1"]


def test_a_lost_journal_is_never_taken_for_an_empty_store_and_rebuild_remakes_it(
    root: Path,
) -> None:
    save_chain(opened(root), 3)
    open_before = opened(root)
    (root / "journal.jsonl").unlink()
    for store in (opened(root), open_before):
        with pytest.raises(PermanentStoreError, match="holdfast rebuild"):
            store.head("agent-1", "main")
        with pytest.raises(PermanentStoreError, match="holdfast rebuild"):
            store.put(draft(1, id="new"), {}, expected_head=None)
    assert opened(root).rebuild(now=LATER) == 3
    assert (ids(opened(root)), head_of(opened(root))) == (["c3", "c2", "c1"], "c3")
    assert list(opened(root).verify_deep()) == []


def test_a_damaged_first_line_refuses_saves_until_it_is_rebuilt(root: Path) -> None:
    save_chain(opened(root), 2)
    alter_line(root, 0, b"format", b"fxrmat")
    store = opened(root)
    assert ids(store) == ["c2", "c1"]
    for refused in (
        lambda: store.changes(None),
        lambda: store.put(draft(3, parent="c2"), {}, expected_head="c2"),
    ):
        with pytest.raises(PermanentStoreError, match="holdfast rebuild"):
            refused()
    opened(root).rebuild(now=LATER)
    opened(root).put(draft(3, parent="c2"), {}, expected_head="c2")
    assert ids(opened(root)) == ["c3", "c2", "c1"]


def test_rebuild_keeps_trash_pins_and_restores(root: Path) -> None:
    store = opened(root)
    save_chain(store, 4)
    store.pin(store.get("c2"), reason="golden", now=NOON)
    store.trash({"c1": "age"}, now=NOON)
    done = store.set_head(store.get("c3"), expected="c4", now=NOON, operation_id="op-1")
    store.rebuild(now=LATER)
    again = opened(root)
    assert ids(again) == ["c4", "c3", "c2"]
    assert [p.checkpoint_id for p in again.pins()] == ["c2"]
    assert again.set_head(again.get("c3"), expected="c4", now=NOON, operation_id="op-1") == done
    assert again.untrash(["c1"]) == 1
    assert ids(again) == ["c4", "c3", "c2", "c1"]


def test_rebuild_does_not_bring_back_what_was_swept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(root)
    save_chain(store, 2)
    store.trash({"c1": "age"}, now=NOON)
    monkeypatch.setattr(store._folder, "remove", lambda _record: 0)
    store.sweep(before=LATER)
    assert file_of(root, "c1").exists()
    assert opened(root).rebuild(now=LATER) == 1


def test_rebuild_takes_no_file_that_is_damaged_or_lies_elsewhere(root: Path) -> None:
    save_chain(opened(root), 2)
    (root / "journal.jsonl").unlink()
    (root / "other" / "main").mkdir(parents=True)
    (root / "other" / "main" / "c1.json").write_bytes(file_of(root, "c1").read_bytes())
    document = json.loads(file_of(root, "c2").read_text())
    document["record"]["step"] = 7
    file_of(root, "c2").write_text(json.dumps(document))
    assert opened(root).rebuild(now=LATER) == 1
    assert ids(opened(root)) == ["c1"]


def test_mending_what_is_not_there_makes_nothing(root: Path) -> None:
    assert opened(root).rebuild(now=LATER) == 0
    assert opened(root).repair(now=LATER) == []
    assert not root.exists()


def test_an_open_store_goes_on_after_another_rebuilt_the_journal(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    opened(root).rebuild(now=LATER)
    store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert ids(opened(root)) == ["c3", "c2", "c1"]


def test_a_damaged_frame_in_memory_is_named_and_quarantined() -> None:
    store = MemoryStore()
    save_chain(store, 3)
    whole = store._frames["c1"]
    store._frames["c1"] = whole[:-1] + bytes([whole[-1] ^ 1])
    for findings in (store.verify(), store.verify_deep()):
        assert [f.checkpoint_id for f in findings] == ["c1"]
    assert [f.kind for f in store.repair(now=LATER)] == ["quarantined"]
    assert (ids(store), list(store.verify_deep())) == (["c3", "c2"], [])
    assert store.rebuild(now=LATER) == 2
    assert store.fields(store.get("c2"))["step"] == 2
