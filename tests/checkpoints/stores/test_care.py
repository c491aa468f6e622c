"""Removing, verifying and mending in a SQLite store, whose frames stand on each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints import (
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    PlanRefused,
    open_store,
)
from checkpoints.bodies.encryption import Keyring
from checkpoints.records import Checkpoint
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.testing import NOON, draft

LATER = NOON + timedelta(days=30)


def opened(folder: Path) -> SqliteStore:
    store = open_store(f"sqlite:///{folder}/store.db")
    assert isinstance(store, SqliteStore)
    return store


def state(number: int, *, words: int = 400) -> dict[str, Any]:
    """A state that shares nearly all with the one before."""
    random = Random(5)
    text = [random.choice(("red", "green", "blue")) for _ in range(words)]
    return {"step": number, "text": text, "log": [f"step {n}" for n in range(number)]}


def run(store: SqliteStore, count: int, *, words: int = 400) -> list[Checkpoint]:
    saved: list[Checkpoint] = []
    for number in range(count):
        parent = saved[-1].id if saved else None
        given = draft(number, parent=parent)
        saved.append(store.put(given, state(number, words=words), expected_head=parent))
    return saved


def execute(folder: Path, sql: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as db:
        return db.execute(sql, values).fetchall()


def flip(folder: Path, checkpoint_id: str, column: str) -> None:
    ((data,),) = execute(folder, f"SELECT {column} FROM checkpoints WHERE id = ?", checkpoint_id)
    altered = bytearray(data)
    altered[len(altered) // 2] ^= 1
    execute(
        folder, f"UPDATE checkpoints SET {column} = ? WHERE id = ?", bytes(altered), checkpoint_id
    )


def remove(store: SqliteStore, ids: Sequence[str]) -> int:
    store.trash(dict.fromkeys(ids, "age"), now=NOON)
    return store.sweep(before=LATER)


@pytest.mark.parametrize("words", [400, 20_000], ids=["short states", "long states"])
@pytest.mark.parametrize(
    "going",
    [
        pytest.param(range(30), id="all but the newest"),
        pytest.param(range(0, 39, 2), id="every other"),
        pytest.param([0], id="the first"),
        pytest.param([16], id="a key frame"),
        pytest.param(range(3, 25), id="the middle"),
    ],
)
def test_what_stays_after_a_sweep_loads_as_it_was(
    tmp_path: Path, words: int, going: Sequence[int]
) -> None:
    store = opened(tmp_path)
    saved = run(store, 40, words=words)
    assert remove(store, [saved[number].id for number in going]) >= 0
    staying = [number for number in range(40) if number not in going]
    for number in staying:
        assert opened(tmp_path).load(saved[number]) == state(number, words=words)
    assert [c.id for c in store.history("agent-1", "main")] == [
        saved[number].id for number in reversed(staying)
    ]
    assert list(store.verify_deep()) == []


def test_a_sweep_that_leaves_nothing_of_a_segment_frees_all_of_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 64, words=5000)
    stored = sum(c.stored_size or 0 for c in store.history("agent-1", "main")[1:])
    freed = remove(store, [c.id for c in saved[:-1]])
    assert freed > 0.3 * stored


def test_saving_goes_on_after_a_sweep_by_another_process(tmp_path: Path) -> None:
    agent, cleaner = opened(tmp_path), opened(tmp_path)
    saved = run(agent, 15, words=20_000)
    remove(cleaner, [c.id for c in saved[:-1]])
    for number in range(15, 40):
        head = saved[-1].id
        given = draft(number, parent=head)
        saved.append(agent.put(given, state(number, words=20_000), expected_head=head))
    assert list(agent.verify_deep()) == []
    assert opened(tmp_path).load(saved[-1]) == state(39, words=20_000)


def test_a_sweep_leaves_what_it_cannot_read_and_says_so_later(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 6)
    flip(tmp_path, saved[2].id, "frame")
    remove(store, [saved[1].id])
    assert store.load(saved[0]) == state(0)
    found = {f.checkpoint_id for f in store.verify()}
    assert found == {saved[2].id, saved[3].id}


@pytest.mark.parametrize(
    "given", [None, Keyring([("k", b"2" * 32)])], ids=["no key", "another key of that name"]
)
def test_a_sweep_without_the_key_deletes_nothing_that_something_stands_on(
    tmp_path: Path, given: Keyring | None
) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path, "sqlite:///store.db", Keyring([("k", b"1" * 32)]))
    saved = run(store, 4)
    with pytest.raises(PermanentStoreError):
        remove(SqliteStore(path, "sqlite:///store.db", given), [saved[0].id])
    assert store.untrash([saved[0].id]) == 1
    assert [store.load(c) for c in saved] == [state(number) for number in range(4)]


def test_a_sweep_that_fails_leaves_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    saved = run(store, 8)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("checkpoints.stores.sql.removing.rebased", fail)
    with pytest.raises(KeyboardInterrupt):
        remove(store, [saved[0].id])
    monkeypatch.undo()
    assert store.untrash([saved[0].id]) == 1
    assert [store.load(c) for c in saved] == [state(number) for number in range(8)]


def test_verify_names_exactly_what_a_damaged_frame_costs(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 48)
    flip(tmp_path, saved[20].id, "frame")
    lost = [f.checkpoint_id for f in store.verify()]
    loadable = set()
    for record in saved:
        try:
            store.load(record)
            loadable.add(record.id)
        except CorruptCheckpoint:
            pass
    assert saved[20].id in lost
    assert set(lost) == {c.id for c in saved} - loadable
    assert len(lost) < 16


def test_one_damaged_frame_never_costs_more_than_its_segment(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 300, words=20_000)
    flip(tmp_path, saved[0].id, "frame")
    assert len(list(store.verify())) <= 128


def test_verify_names_a_damaged_record_and_loads_the_rest(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 4)
    flip(tmp_path, saved[1].id, "record")
    assert [(f.kind, f.checkpoint_id) for f in store.verify()] == [
        ("corrupt_checkpoint", saved[1].id)
    ]
    assert store.load(saved[2]) == state(2)
    with pytest.raises(CorruptCheckpoint, match="record is damaged"):
        store.load(store.get(saved[1].id))


def test_only_a_deep_verify_notices_a_record_that_was_forged_whole(tmp_path: Path) -> None:
    from checkpoints.stores.record_bytes import pack_record

    store = opened(tmp_path)
    saved = run(store, 3)
    record = store.get(saved[1].id)
    forged = pack_record(Checkpoint.from_dict({**record.to_dict(), "sha256": "00" * 32}))
    execute(tmp_path, "UPDATE checkpoints SET record = ? WHERE id = ?", forged, record.id)
    assert list(store.verify()) == []
    assert [f.checkpoint_id for f in store.verify_deep()] == [record.id]


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("UPDATE threads SET head = zeroblob(20)", "damaged_head"),
        ("UPDATE threads SET checkpoints = 2", "wrong_count"),
        ("DELETE FROM threads", "lost_thread"),
        ("DELETE FROM checkpoints WHERE id = 'c5'", "dangling_head"),
        ("INSERT INTO pins VALUES ('gone', 'golden', 0)", "dangling_pin"),
        ("UPDATE checkpoints SET base = 99 WHERE id = 'c3'", "corrupt_checkpoint"),
    ],
)
def test_each_damage_has_a_name(tmp_path: Path, damage: str, kind: str) -> None:
    store = opened(tmp_path)
    run(store, 6)
    execute(tmp_path, damage)
    assert kind in [f.kind for f in opened(tmp_path).verify()]


def test_repair_puts_what_is_lost_into_quarantine_and_leaves_the_rest(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 24)
    cursor = store.changes(None).cursor
    flip(tmp_path, saved[10].id, "frame")
    lost = {f.checkpoint_id for f in store.verify()}
    findings = store.repair(now=LATER)
    assert {f.kind for f in findings} == {"quarantined"}
    assert {f.checkpoint_id for f in findings} == lost
    assert list(store.verify_deep()) == []
    assert {c.id for c in store.history("agent-1", "main")} == {c.id for c in saved} - lost
    assert {r.checkpoint_id for r in store.changes(cursor).removals} == lost
    kept = execute(tmp_path, "SELECT id, length(frame) FROM quarantine")
    assert {name for name, _ in kept} == lost
    assert all(length for _, length in kept)
    assert store.repair(now=LATER) == []


def test_the_quarantine_of_the_newest_checkpoint_is_told_to_those_who_know_it(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    saved = run(store, 3)
    cursor = store.changes(None).cursor
    flip(tmp_path, saved[2].id, "frame")
    store.repair(now=NOON)
    assert [r.checkpoint_id for r in store.changes(cursor).removals] == [saved[2].id]


def test_repair_never_guesses_a_head(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 4)
    flip(tmp_path, saved[3].id, "frame")
    assert [f.kind for f in store.repair(now=LATER)] == ["quarantined", "dangling_head"]
    head = store.head("agent-1", "main")
    assert head is not None
    assert head.checkpoint_id == saved[3].id
    assert [f.kind for f in store.verify()] == ["dangling_head"]
    with pytest.raises(HeadMoved):
        store.put(draft(9), {}, expected_head=saved[2].id)
    plan = store.plan_restore(store.get(saved[2].id))
    store.restore(plan, written_ids=(), operation_id="op", reason="lost", now=LATER)
    assert list(store.verify()) == []


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM threads",
        "UPDATE threads SET head = zeroblob(20)",
        "UPDATE threads SET agent_id = 'somebody'",
        "UPDATE threads SET checkpoints = -7",
        "UPDATE threads SET head = 'x', thread_id = 'else', checkpoints = 0",
    ],
)
def test_rebuild_lists_everything_again_from_the_frames(tmp_path: Path, damage: str) -> None:
    store = opened(tmp_path)
    saved = run(store, 20)
    store.trash({saved[3].id: "age"}, now=NOON)
    execute(tmp_path, damage)
    again = opened(tmp_path)
    assert again.rebuild(now=LATER) == 19
    assert [c.id for c in again.history("agent-1", "main")] == [
        c.id for c in reversed(saved) if c is not saved[3]
    ]
    head = again.head("agent-1", "main")
    assert head is not None
    assert head.checkpoint_id == saved[-1].id
    assert list(again.verify_deep()) == []
    again.put(draft(99, parent=saved[-1].id), {}, expected_head=saved[-1].id)


def test_rebuild_brings_a_stray_checkpoint_back_to_its_thread(tmp_path: Path) -> None:
    store = opened(tmp_path)
    run(store, 3)
    execute(tmp_path, "UPDATE checkpoints SET thread = 513 WHERE position = 2")
    assert {finding.kind for finding in store.verify()} == {"lost_thread", "wrong_count"}
    assert store.rebuild(now=NOON) == 3
    assert list(store.verify()) == []


def test_rebuild_leaves_a_head_that_can_be_read(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 5)
    store.set_head(saved[2], expected=saved[4].id, now=NOON, operation_id="op-1")
    before = store.head("agent-1", "main")
    store.rebuild(now=LATER)
    assert store.head("agent-1", "main") == before


def test_what_is_in_the_trash_is_a_base_like_any_other(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = run(store, 6)
    store.trash({saved[0].id: "age"}, now=NOON)
    assert store.load(saved[5]) == state(5)
    with pytest.raises(PlanRefused, match="trash"):
        store.put(draft(0), state(0), expected_head=saved[5].id)


def test_a_field_of_a_stored_state_is_read_by_itself(tmp_path: Path) -> None:
    store = opened(tmp_path)
    saved = store.put(draft(1), {"big": "x" * 2_000_000, "small": {"a": [1]}}, expected_head=None)
    fields = store.fields(saved)
    assert (fields["small"], list(fields)) == ({"a": [1]}, ["big", "small"])
    with pytest.raises(KeyError):
        fields["nowhere"]


def test_a_deep_verify_without_the_key_says_so_and_calls_nothing_corrupt(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    sealed = open_store(url, keys=Keyring([("a", bytes(32))]))
    assert isinstance(sealed, SqliteStore)
    run(sealed, 2)
    assert list(opened(tmp_path).verify()) == []
    assert {f.kind for f in opened(tmp_path).verify_deep()} == {"unopened"}
    assert list(sealed.verify_deep()) == []
