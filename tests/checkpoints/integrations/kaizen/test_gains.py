"""What HoldfastStorage adds to Kaizen: nothing lost, nothing silently wrong, restored by hand."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.state import AgentState, FilesystemStorage, StateManager
from typer.testing import CliRunner

from checkpoints.bodies.encryption import Keyring
from checkpoints.cli.app import app
from checkpoints.errors import CorruptCheckpoint, HeadMoved, TransientStoreError
from checkpoints.integrations.kaizen import HoldfastStorage, states
from checkpoints.records import Directive, Kind, Status, Strategy
from checkpoints.stores.urls import open_store
from checkpoints.testing import FaultyStore

ROOT = Path(__file__).resolve().parents[4]
AGENT = "autonomous_agent"
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def state(step: int, **more: Any) -> AgentState:
    values = {"agent_id": AGENT, "checkpoint_id": f"ckpt_{step:03}", **more}
    return AgentState(step_number=step, **{"timestamp": T0 + timedelta(seconds=step), **values})


def save(storage: Any, *steps: int, **more: Any) -> None:
    for step in steps:
        asyncio.run(storage.save(state(step, **more)))


def steps(storage: Any, agent_id: str = AGENT) -> list[int]:
    return [one.step_number for one in asyncio.run(storage.list_checkpoints(agent_id))]


def resumed(storage: Any) -> AgentState:
    found = asyncio.run(StateManager(storage=storage).resume_from_latest(AGENT))
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


@pytest.fixture
def storage(folder: Path) -> HoldfastStorage:
    return HoldfastStorage(folder)


def restore(folder: Path, checkpoint_id: str) -> None:
    url = f"sqlite:///{folder}/holdfast.db"
    command = ["restore", url, "--thread", "main", "--checkpoint", checkpoint_id]
    done = CliRunner().invoke(app, [*command, "--reason", "it went wrong", "--yes"])
    assert done.exit_code == 0, done.output


SAVER = """
import asyncio, sys
from kaizen.core.autonomy.state import AgentState
from checkpoints.integrations.kaizen import HoldfastStorage
async def main(place, name, count):
    storage = HoldfastStorage(place)
    for step in range(int(count)):
        text = [{"role": "user", "content": name * 200}] * step
        state = AgentState(agent_id="autonomous_agent", checkpoint_id=f"{name}{step}",
                           step_number=step, conversation_history=text)
        print(await storage.save(state), flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.contextmanager
def saver(folder: Path, name: str, count: int) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SAVER, str(folder), name, str(count)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def test_two_processes_that_save_at_once_lose_nothing(
    folder: Path, storage: HoldfastStorage
) -> None:
    with saver(folder, "a", 40) as one, saver(folder, "b", 40) as other:
        assert one.wait() == other.wait() == 0
    found = asyncio.run(storage.list_checkpoints(AGENT))
    names = {f"{name}{step}" for name in "ab" for step in range(40)}
    assert {listed.checkpoint_id for listed in found} == names
    assert found == sorted(found, key=lambda listed: listed.timestamp, reverse=True)
    for listed in found:
        loaded = asyncio.run(storage.load(listed.checkpoint_id))
        assert len(loaded.conversation_history) == loaded.step_number


@pytest.mark.parametrize("seed", range(3))
def test_a_process_killed_while_it_saves_leaves_the_old_or_the_new(folder: Path, seed: int) -> None:
    with saver(folder, "a", 10_000) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().strip() for _ in range(5)]
        time.sleep(random.Random(seed).uniform(0, 0.05))  # dies anywhere within a save
        child.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in child.stdout]
    storage = HoldfastStorage(folder)
    last = resumed(storage)
    assert last.step_number in (len(acknowledged) - 1, len(acknowledged))
    assert len(last.conversation_history) == last.step_number
    assert set(acknowledged) <= {c.checkpoint_id for c in asyncio.run(storage.list_checkpoints())}
    assert not list(open_store(storage.store.url).verify())


def test_a_flipped_byte_raises_instead_of_loading(folder: Path, storage: HoldfastStorage) -> None:
    save(storage, 1)
    save(storage, 2, budget_spent_usd=12.5, memory_contents={"a": "b" * 100})
    storage.close()
    with contextlib.closing(sqlite3.connect(folder / "holdfast.db")) as db, db:
        (frame,) = db.execute("SELECT frame FROM checkpoints WHERE id = 'ckpt_002'").fetchone()
        flipped = bytearray(frame)
        flipped[len(flipped) // 2] ^= 1
        db.execute("UPDATE checkpoints SET frame = ? WHERE id = 'ckpt_002'", (bytes(flipped),))
    with pytest.raises(OSError, match="Failed to load checkpoint") as raised:
        resumed(HoldfastStorage(folder))
    assert isinstance(raised.value.__cause__, CorruptCheckpoint)


def test_a_damaged_record_of_the_newest_raises_instead_of_falling_back(
    folder: Path, storage: HoldfastStorage
) -> None:
    save(storage, 1, 2)
    storage.close()
    with contextlib.closing(sqlite3.connect(folder / "holdfast.db")) as db, db:
        (record,) = db.execute("SELECT record FROM checkpoints WHERE id = 'ckpt_002'").fetchone()
        cut = bytes(record)[: len(record) // 2]
        db.execute("UPDATE checkpoints SET record = ? WHERE id = 'ckpt_002'", (cut,))
    with pytest.raises(OSError, match="Failed to list checkpoints"):
        resumed(HoldfastStorage(folder))


def test_a_save_asks_only_for_what_changed_however_many_there_are() -> None:
    store = FaultyStore(open_store("memory://"))  # type: ignore[arg-type]
    storage = HoldfastStorage(store)
    manager = StateManager(storage=storage, retention_count=1000)
    seen = []
    for step in range(300):
        store.calls.clear()
        asyncio.run(manager.save_checkpoint(state(step)))
        seen.append(dict(store.calls))
    assert seen[10] == seen[-1]
    assert not {"history", "load", "threads"} & seen[-1].keys()


def test_kaizen_resumes_from_what_an_operator_restores(
    folder: Path, storage: HoldfastStorage
) -> None:
    save(storage, *range(1, 6))
    restore(folder, "ckpt_002")
    for one in (storage, HoldfastStorage(folder)):
        assert steps(one) == [2, 5, 4, 3, 1]
        assert resumed(one) == state(2)


def test_a_list_stays_sorted_when_something_is_restored(
    folder: Path, storage: HoldfastStorage
) -> None:
    save(storage, *range(1, 6))
    restore(folder, "ckpt_002")
    times = [listed.timestamp for listed in asyncio.run(storage.list_checkpoints())]
    assert times == sorted(times, reverse=True)
    assert steps(storage, "") == [2, 5, 4, 3, 1]


def test_the_agent_goes_on_from_a_restored_checkpoint(
    folder: Path, storage: HoldfastStorage
) -> None:
    save(storage, *range(1, 6))
    restore(folder, "ckpt_002")
    storage = HoldfastStorage(folder)
    resumed(storage)
    save(storage, 3, checkpoint_id="again", timestamp=T0 + timedelta(seconds=2.5))
    assert resumed(storage).checkpoint_id == "again"
    assert storage.store.get("again").parent_id == "ckpt_002"


def test_a_fork_leaves_a_restored_checkpoint_what_is_resumed_from(
    folder: Path, storage: HoldfastStorage
) -> None:
    save(storage, *range(1, 6))
    restore(folder, "ckpt_003")
    forked = asyncio.run(StateManager(storage=storage).fork_from_checkpoint("ckpt_001"))
    assert resumed(storage).checkpoint_id == "ckpt_003"
    assert storage.store.get(forked.checkpoint_id).parent_id == "ckpt_001"


def test_the_head_in_the_dashboard_is_what_kaizen_resumes_from(storage: HoldfastStorage) -> None:
    manager = StateManager(storage=storage, retention_count=50)
    for step in (1, 5, 3):
        asyncio.run(manager.save_checkpoint(state(step)))
        asyncio.run(manager.fork_from_checkpoint("ckpt_001"))
        head = storage.store.head(AGENT, "main")
        assert head is not None
        assert head.checkpoint_id == resumed(storage).checkpoint_id
    asyncio.run(storage.delete("ckpt_005"))
    head = storage.store.head(AGENT, "main")
    assert head is not None
    assert head.checkpoint_id == resumed(storage).checkpoint_id == "ckpt_003"


def test_a_fork_that_dies_before_the_head_is_back_is_not_resumed_from(folder: Path) -> None:
    store = FaultyStore(open_store(f"sqlite:///{folder}/holdfast.db"))  # type: ignore[arg-type]
    storage = HoldfastStorage(store)
    save(storage, 1, 2)
    store.fail("set_head", error=TransientStoreError("died"))
    with pytest.raises(OSError, match="died"):
        asyncio.run(StateManager(storage=storage).fork_from_checkpoint("ckpt_001"))
    assert resumed(HoldfastStorage(folder)).checkpoint_id == "ckpt_002"


def test_an_id_that_is_used_anew_is_not_taken_for_the_old_one(storage: HoldfastStorage) -> None:
    save(storage, 1, 9)
    asyncio.run(StateManager(storage=storage).fork_from_checkpoint("ckpt_001"))
    save(storage, 5)
    asyncio.run(storage.delete("ckpt_009"))
    save(storage, 3, checkpoint_id="ckpt_009")
    assert steps(storage) == [5, 3, 1, 1]


def test_an_agent_that_was_running_cannot_save_over_a_restore(
    folder: Path, storage: HoldfastStorage
) -> None:
    save(storage, 1, 2, 3)
    restore(folder, "ckpt_001")
    with pytest.raises(OSError, match="somebody restored ckpt_001") as raised:
        save(storage, 4)
    assert isinstance(raised.value.__cause__, HeadMoved)
    assert steps(storage) == [1, 3, 2]
    assert resumed(storage).step_number == 1
    save(storage, 4)
    assert resumed(storage).step_number == 4


def test_an_instruction_left_with_a_restore_reaches_the_agent_once(
    storage: HoldfastStorage,
) -> None:
    save(storage, 1, 2)
    store = storage.store
    store.set_head(
        store.get("ckpt_001"),
        expected="ckpt_002",
        now=T0,
        operation_id="op",
        directive=Directive(strategy=Strategy.MODIFY_PARAMETERS, parameters={"temperature": 0}),
    )
    assert resumed(storage).metadata["directive"] == {
        "strategy": "modify_parameters",
        "parameters": {"temperature": 0},
    }
    assert resumed(storage).metadata == {}


@pytest.mark.parametrize(
    ("given", "status", "kind"),
    [
        ("running", Status.RUNNING, Kind.ROUTINE),
        ("completed", Status.COMPLETED, Kind.ROUTINE),
        ("failed", Status.FAILED, Kind.RECOVERY),
        ("interrupted", Status.INTERRUPTED, Kind.RECOVERY),
        ("paused", Status.UNKNOWN, Kind.ROUTINE),
    ],
)
def test_the_dashboard_sees_agent_step_status_model_and_budget(
    storage: HoldfastStorage, given: str, status: Status, kind: Kind
) -> None:
    save(storage, 7, status=given, model="llama3.2", budget_spent_usd=0.25)
    record = storage.store.history(AGENT, "main")[0]
    assert (record.step, record.status, record.kind) == (7, status, kind)
    assert record.metrics == {"budget_spent_usd": 0.25}
    assert record.metadata["model"] == "llama3.2"
    assert record.created_at == T0 + timedelta(seconds=7)
    assert asyncio.run(storage.load("ckpt_007")).status == given


def test_what_was_overwritten_stays_in_the_history(storage: HoldfastStorage) -> None:
    save(storage, 1, checkpoint_id="same")
    save(storage, 2, checkpoint_id="same")
    history = storage.store.history(AGENT, "main")
    assert [record.step for record in history] == [2, 1]
    assert storage.store.load(history[1])["step_number"] == 1


def test_an_overwritten_save_can_be_restored(folder: Path, storage: HoldfastStorage) -> None:
    save(storage, 1)
    save(storage, 2, checkpoint_id="same")
    save(storage, 3, checkpoint_id="same")
    first = next(one for one in storage.store.history(AGENT, "main") if one.step == 2)
    restore(folder, first.id)
    assert resumed(storage).step_number == 2
    assert steps(storage) == [2, 1]
    save(storage, 4, checkpoint_id="same")
    assert steps(storage) == [4, 1]
    assert resumed(storage).step_number == 4


def test_an_older_save_under_the_newest_id_hands_the_head_on(storage: HoldfastStorage) -> None:
    save(storage, 5)
    save(storage, 8, checkpoint_id="same")
    save(storage, 2, checkpoint_id="same")
    head = storage.store.head(AGENT, "main")
    assert head is not None
    assert head.checkpoint_id == resumed(storage).checkpoint_id == "ckpt_005"


def test_an_id_that_went_to_another_agent_leaves_nothing_when_deleted(
    folder: Path, storage: HoldfastStorage
) -> None:
    save(storage, 1, agent_id="a", checkpoint_id="same")
    save(storage, 2, agent_id="b", checkpoint_id="same")
    asyncio.run(storage.delete("same"))
    assert not asyncio.run(HoldfastStorage(folder).exists("same"))


def test_agents_of_one_name_are_kept_apart_by_the_name_given_them(folder: Path) -> None:
    url = f"sqlite:///{folder}/shared.db"
    billing, shipping = (HoldfastStorage(url, agent=name) for name in ("billing", "shipping"))
    save(billing, 1, checkpoint_id="same")
    save(shipping, 2, checkpoint_id="same")
    assert (steps(billing), steps(shipping)) == ([1], [2])
    assert resumed(billing).step_number == 1
    assert resumed(shipping).agent_id == AGENT
    assert {thread.agent_id for thread in billing.store.threads()} == {"billing", "shipping"}


def test_a_thread_of_its_own_resumes_from_its_own(folder: Path) -> None:
    url = f"sqlite:///{folder}/shared.db"
    one, other = (HoldfastStorage(url, thread=name) for name in ("invoice-1", "invoice-2"))
    save(one, 1)
    save(other, 2)
    assert (resumed(one).step_number, resumed(other).step_number) == (1, 2)


def test_checkpoints_of_others_in_the_store_are_none_of_kaizens(folder: Path) -> None:
    from checkpoints import CheckpointManager

    url = f"sqlite:///{folder}/shared.db"
    with CheckpointManager("somebody", store=url) as manager:
        manager.create_checkpoint("routine", {"a": 1})
    storage = HoldfastStorage(url)
    save(storage, 1)
    assert steps(storage, "") == [1]
    assert steps(storage, "somebody") == []


def test_mixed_naive_and_aware_timestamps_are_listed_together(storage: HoldfastStorage) -> None:
    save(storage, 1, 3)
    save(storage, 2, timestamp=(T0 + timedelta(seconds=2)).replace(tzinfo=None))
    assert steps(storage) == [3, 2, 1]


@pytest.mark.parametrize("name", ["", "a/b", "../up", "x" * 1000, "a\0b", "line\nbreak"])
def test_ids_that_no_file_could_have_are_kept(storage: HoldfastStorage, name: str) -> None:
    save(storage, 1, checkpoint_id=name)
    assert resumed(storage).checkpoint_id == name
    asyncio.run(storage.delete(name))
    assert steps(storage) == []


def test_values_that_json_would_bend_come_back_exactly(storage: HoldfastStorage) -> None:
    odd = {"pair": (1, 2), "at": T0, "bytes": b"\0", 7: "seven", "set": {1, 2}}
    save(storage, 1, updated_at=T0, metadata=odd)
    assert resumed(storage).metadata == odd
    assert resumed(storage).updated_at == T0


def test_nothing_is_left_of_a_deleted_checkpoint(folder: Path, storage: HoldfastStorage) -> None:
    save(storage, 1, 2, metadata={"secret": "sesame" * 20})
    for name in ("ckpt_001", "ckpt_002"):
        asyncio.run(storage.delete(name))
    with contextlib.closing(sqlite3.connect(folder / "holdfast.db")) as db:
        assert db.execute("SELECT count(*) FROM checkpoints").fetchone() == (0,)


def test_a_pinned_checkpoint_outlives_kaizens_retention(storage: HoldfastStorage) -> None:
    manager = StateManager(storage=storage, retention_count=2)
    asyncio.run(manager.save_checkpoint(state(1)))
    storage.store.pin(storage.store.get("ckpt_001"), reason="the good one", now=T0)
    for step in range(2, 6):
        asyncio.run(manager.save_checkpoint(state(step)))
    assert steps(storage) == [5, 4, 1]
    with pytest.raises(PermissionError, match="the good one"):
        asyncio.run(storage.delete("ckpt_001"))


def test_the_arguments_of_the_filesystem_storage_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for storage in (
        HoldfastStorage(),
        HoldfastStorage(base_dir=".kaizen/checkpoints", compress=True),
        HoldfastStorage(".kaizen/checkpoints", False),
    ):
        assert storage.base_dir == Path(".kaizen/checkpoints")
        assert Path(".kaizen/checkpoints").is_dir()
        save(storage, 1)
    assert Path(".kaizen/checkpoints/holdfast.db").is_file()


def test_encryption_takes_kaizens_key_and_can_be_listed(folder: Path) -> None:
    passphrase = "correct horse battery staple, twice over"
    storage = HoldfastStorage(folder, encrypt=True, encryption_key=passphrase)
    save(storage, 1, metadata={"secret": "sesame" * 20})
    assert resumed(storage).metadata == {"secret": "sesame" * 20}
    assert b"sesame" not in (folder / "holdfast.db").read_bytes()
    with pytest.raises(OSError, match="encrypted"):
        resumed(HoldfastStorage(folder))
    with pytest.raises(ValueError, match="Encryption initialization failed"):
        HoldfastStorage(folder, encrypt=True, encryption_key="short")


def test_a_store_of_another_framework_is_refused(tmp_path: Path) -> None:
    from checkpoints.errors import PermanentStoreError

    with pytest.raises(PermanentStoreError, match="another framework writes"):
        HoldfastStorage(f"kaizen:///{tmp_path}")


def test_what_filesystem_storage_left_is_taken_over_once(folder: Path) -> None:
    before = FilesystemStorage(folder, compress=True)
    save(before, 1, 2, 3)
    save(FilesystemStorage(folder), 4)
    (folder / "broken.jsonl").write_text("{")
    (folder / "checkpoint_cycle_001.jsonl").write_text(json.dumps({"cycle": 1, "state": {}}))
    storage = HoldfastStorage(folder)
    assert steps(storage) == [4, 3, 2, 1]
    assert resumed(storage) == state(4)
    asyncio.run(storage.delete("ckpt_001"))
    assert steps(HoldfastStorage(folder)) == [4, 3, 2]
    assert asyncio.run(before.exists("ckpt_001"))


@pytest.mark.parametrize(
    "strange",
    [
        {"step_number": "x"},
        {"step_number": 1.5},
        {"step_number": 10**300},
        {"timestamp": "0001-01-01T00:00:00+23:59"},
        {"timestamp": "9999-12-31T23:59:59-23:59"},
    ],
)
def test_a_file_that_no_store_can_keep_bars_nobody_from_the_others(
    folder: Path, strange: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    save(FilesystemStorage(folder), 1)
    values = json.loads((folder / "ckpt_001.jsonl").read_text())
    changed = {**values, "checkpoint_id": "ckpt_bad", **strange}
    (folder / "ckpt_bad.jsonl").write_text(json.dumps(changed))
    assert steps(HoldfastStorage(folder)) == [1]
    assert "ckpt_bad was not taken over" in caplog.text


def test_fields_of_a_newer_kaizen_are_kept_and_come_back(
    storage: HoldfastStorage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @dataclasses.dataclass
    class Newer(AgentState):  # type: ignore[misc]
        mood: str = "calm"

    asyncio.run(storage.save(Newer(**dataclasses.asdict(state(1)), mood="bright")))
    older = resumed(storage)
    assert older.metadata == {states.NEWER_FIELDS: {"mood": "bright"}}
    assert "saved by a newer Kaizen" in caplog.text
    older.checkpoint_id = "ckpt_002"
    asyncio.run(storage.save(older))
    monkeypatch.setattr(states, "AgentState", Newer)
    newer = asyncio.run(storage.load("ckpt_002"))
    assert (newer.mood, newer.metadata) == ("bright", {})


def test_a_missing_kaizen_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kaizen.core.autonomy.state", None)
    monkeypatch.delitem(sys.modules, "checkpoints.integrations.kaizen")
    with pytest.raises(ImportError, match=r"pip install 'holdfast\[kaizen\]'"):
        importlib.import_module("checkpoints.integrations.kaizen")


def test_an_opened_store_with_a_key_of_its_own_is_used_as_it_is(folder: Path) -> None:
    keys = Keyring.from_text(f"k:{Keyring.new_key()}")
    store = open_store(f"sqlite:///{folder}/sealed.db", keys=keys)
    storage = HoldfastStorage(store)  # type: ignore[arg-type]
    save(storage, 1)
    assert storage.store is store
    assert storage.base_dir is None
