"""Folders that the real Kaizen encrypted: read, verified, restored and forked with its key."""

from __future__ import annotations

import asyncio
import base64
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.state import AgentState, FilesystemStorage

import checkpoints
from checkpoints.bodies.encryption import Keyring
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.connectors.kaizen.encryption import VARIABLE, Keys, key_of_passphrase
from checkpoints.stores.urls import open_store

PASSPHRASE = "a passphrase that nobody guesses"
KEY = key_of_passphrase(PASSPHRASE)
RING = Keyring([("kaizen", KEY)])
BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
FORMS = pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzipped"])


def storage(folder: Path, *, compress: bool = False, encrypt: bool = True) -> FilesystemStorage:
    return FilesystemStorage(folder, compress=compress, encrypt=encrypt, encryption_key=PASSPHRASE)


def written(folder: Path, count: int = 3, **form: bool) -> list[str]:
    """Let Kaizen save steps of one agent, each the child of the one before."""
    ids: list[str] = []
    for step in range(count):
        state = AgentState(
            checkpoint_id=f"ckpt_{step:012x}",
            agent_id="worker",
            timestamp=BEGIN + timedelta(minutes=step),
            step_number=step,
            conversation_history=[{"role": "user", "content": str(n)} for n in range(step + 2)],
            parent_checkpoint_id=ids[-1] if ids else None,
        )
        ids.append(asyncio.run(storage(folder, **form).save(state)))
    return ids


def opened(folder: Path, keys: Keys | None = None) -> KaizenStore:
    return KaizenStore(folder, keys=keys or Keys(RING), clock=lambda: NOW)


def loaded(folder: Path, checkpoint_id: str) -> AgentState:
    return asyncio.run(storage(folder).load(checkpoint_id))


def kinds(store: KaizenStore) -> set[str]:
    return {finding.kind for finding in store.verify()}


@FORMS
def test_states_are_read_with_the_key(tmp_path: Path, compress: bool) -> None:
    ids = written(tmp_path, compress=compress)
    store = opened(tmp_path)
    records = store.history("worker", "main")
    assert [record.id for record in records] == ids[::-1]
    assert [len(store.load(record)["conversation_history"]) for record in records] == [4, 3, 2]
    assert all(record.damage is None for record in records)


def test_a_passphrase_in_kaizens_own_variable_opens_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    store = open_store(f"kaizen:///{tmp_path}")
    assert store.load(store.history("worker", "main")[0])["step_number"] == 2


def test_a_key_among_those_of_holdfast_opens_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    encoded = base64.urlsafe_b64encode(KEY).decode()
    monkeypatch.setenv("HOLDFAST_STORE_KEYS", f"own:{Keyring.new_key()},kaizen:{encoded}")
    store = open_store(f"kaizen:///{tmp_path}")
    assert store.load(store.history("worker", "main")[0])["step_number"] == 2


def test_without_a_key_they_are_listed_and_named_encrypted(tmp_path: Path) -> None:
    ids = written(tmp_path)
    store = opened(tmp_path, Keys())
    records = store.history(None, "main")
    assert {record.id for record in records} == set(ids)
    assert kinds(store) == {"encrypted", "passed_over"}
    with pytest.raises(checkpoints.PermanentStoreError, match="HOLDFAST_STORE_KEYS"):
        store.load(records[0])


def test_with_another_key_they_are_named_as_not_to_be_opened(tmp_path: Path) -> None:
    written(tmp_path)
    other = Keys(Keyring([("other", b"x" * 32)]))
    assert kinds(opened(tmp_path, other)) == {"unopened", "passed_over"}


def test_the_digest_is_the_same_with_and_without_the_key(tmp_path: Path) -> None:
    ids = written(tmp_path)
    with_key, without = opened(tmp_path), opened(tmp_path, Keys())
    assert all(with_key.get(name).sha256 == without.get(name).sha256 for name in ids)


def restored(store: KaizenStore, name: str) -> checkpoints.Head:
    plan = store.plan_restore(store.get(name))
    return store.restore(
        plan, written_ids=store.choose_ids(plan), operation_id="op", reason="astray", now=NOW
    )


@FORMS
def test_kaizen_loads_what_a_restore_wrote(tmp_path: Path, compress: bool) -> None:
    ids = written(tmp_path, compress=compress)
    head = restored(opened(tmp_path), ids[0])
    state = loaded(tmp_path, head.checkpoint_id)
    assert (state.step_number, state.parent_checkpoint_id) == (0, ids[0])
    assert state.conversation_history == loaded_of(tmp_path, ids[0])["conversation_history"]
    assert b"conversation_history" not in written_file(tmp_path, head.checkpoint_id).read_bytes()


def loaded_of(folder: Path, name: str) -> dict[str, Any]:
    store = opened(folder)
    return store.load(store.get(name))


def written_file(folder: Path, name: str) -> Path:
    [path] = folder.rglob(f"{name}.*")
    return path


@FORMS
def test_kaizen_loads_what_a_fork_wrote(tmp_path: Path, compress: bool) -> None:
    ids = written(tmp_path, compress=compress)
    store = opened(tmp_path)
    plan = store.plan_fork(store.get(ids[1]), thread_id="main", agent_id="second")
    head = store.fork(
        plan, written_ids=store.choose_fork_ids(plan), operation_id="op", reason="try", now=NOW
    )
    path = written_file(tmp_path, head.checkpoint_id)
    assert ".enc" in path.name
    assert loaded(path.parent, head.checkpoint_id).agent_id == "second"


def test_a_restore_is_sealed_with_the_key_that_sealed_the_head(tmp_path: Path) -> None:
    ids = written(tmp_path)
    both = Keys(Keyring([("new", b"n" * 32), ("kaizen", KEY)]))
    head = restored(opened(tmp_path, both), ids[0])
    assert loaded(tmp_path, head.checkpoint_id).step_number == 0


def test_plain_files_stay_plain_where_some_are_encrypted(tmp_path: Path) -> None:
    """Kaizen lists and resumes from the plain ones alone."""
    ids = written(tmp_path)
    plain = AgentState(checkpoint_id="ckpt_plain", agent_id="worker", timestamp=BEGIN)
    asyncio.run(storage(tmp_path, encrypt=False).save(plain))
    store = opened(tmp_path)
    head = store.head("worker", "main")
    assert head is not None
    assert head.checkpoint_id == "ckpt_plain"
    again = restored(store, ids[2])
    assert written_file(tmp_path, again.checkpoint_id).name.endswith(f"{again.checkpoint_id}.jsonl")


@pytest.mark.parametrize("cut", [0, 5, 27, -1])
def test_a_cut_off_encrypted_file_hides_no_other(tmp_path: Path, cut: int) -> None:
    written(tmp_path)
    path = tmp_path / "ckpt_000000000001.enc.jsonl"
    path.write_bytes(path.read_bytes()[:cut])
    store = opened(tmp_path)
    assert {"unopened", "zero_length"} & kinds(store)
    assert sum(record.damage is None for record in store.history(None, "main")) == 2


def test_one_flipped_bit_never_loads(tmp_path: Path) -> None:
    written(tmp_path, 1)
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert opened(tmp_path).history(None, "main")[0].damage


def test_what_kaizen_names_so_that_it_never_finds_it_is_told(tmp_path: Path) -> None:
    written(tmp_path, compress=True)
    assert kinds(opened(tmp_path)) == {"unloadable"}


def test_an_emptied_memory_is_seen_only_with_the_key(tmp_path: Path) -> None:
    [*_, last] = written(tmp_path)
    empty = AgentState(
        checkpoint_id="ckpt_empty",
        agent_id="worker",
        timestamp=BEGIN + timedelta(hours=1),
        parent_checkpoint_id=last,
    )
    asyncio.run(storage(tmp_path).save(empty))
    assert "poisoned" not in kinds(opened(tmp_path, Keys()))
    [finding] = [f for f in opened(tmp_path).verify() if f.kind == "poisoned"]
    assert finding.checkpoint_id == "ckpt_empty"
    assert f"conversation_history held 4 items at {last}" in finding.message


def test_a_state_from_the_future_is_named_by_the_clock_of_the_store(tmp_path: Path) -> None:
    written(tmp_path, encrypt=False)
    early = KaizenStore(tmp_path, clock=lambda: BEGIN - timedelta(days=1))
    assert [f.kind for f in early.verify()] == ["future_id"] * 3
    assert kinds(opened(tmp_path)) == set()


@pytest.mark.parametrize("name", ["encrypted", "encrypted_compressed_UNLOADABLE_BY_KAIZEN"])
def test_the_samples_are_listed_without_their_key(samples: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(samples / "kaizen" / name, tmp_path / name)
    store = opened(folder, Keys())
    assert len(store.history(None, "main")) == 5
    assert "encrypted" in kinds(store)


def test_a_folder_without_key_says_what_it_cannot_do(tmp_path: Path) -> None:
    written(tmp_path)
    assert "no key" in opened(tmp_path, Keys()).capabilities.reasons["restore"]
    assert opened(tmp_path).capabilities.restore
