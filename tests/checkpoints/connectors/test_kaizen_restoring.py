"""Restores in a Kaizen folder, proved by the real Kaizen resuming from them."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.state import AgentState, FilesystemStorage, StateManager

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.records import Head, RestorePlan, Strategy
from tests.checkpoints.connectors.kaizen_folders import copied, files, now, resumed, run_script


@pytest.fixture
def flat(samples: Path, tmp_path: Path) -> Path:
    return copied(samples / "kaizen" / "flat", tmp_path / "flat")


def carry_out(store: KaizenStore, plan: RestorePlan, operation: str = "op-1", **more: Any) -> Head:
    ids = more.pop("written_ids", None) or store.choose_ids(plan)
    return store.restore(
        plan, written_ids=ids, operation_id=operation, reason="it went wrong", now=now(), **more
    )


def restore(folder: Path, checkpoint_id: str, operation: str = "op-1") -> Head:
    store = KaizenStore(folder)
    return carry_out(store, store.plan_restore(store.get(checkpoint_id)), operation)


@pytest.mark.parametrize("agent", ["research_agent", "etl_agent", "autonomous_agent"])
@pytest.mark.parametrize("position", [0, 3, 10])
def test_kaizen_resumes_from_the_restored_state(flat: Path, agent: str, position: int) -> None:
    storage = FilesystemStorage(flat)
    target = asyncio.run(storage.list_checkpoints(agent))[position]
    wanted = asyncio.run(storage.load(target.checkpoint_id))
    head = restore(flat, target.checkpoint_id)
    state = resumed(flat, agent)
    assert state.checkpoint_id == head.checkpoint_id
    assert state.parent_checkpoint_id == target.checkpoint_id
    assert state.metadata["restored_from"] == target.checkpoint_id
    ours = {"checkpoint_id", "timestamp", "parent_checkpoint_id", "metadata"}
    assert {k: v for k, v in state.to_dict().items() if k not in ours} == {
        k: v for k, v in wanted.to_dict().items() if k not in ours
    }
    assert wanted.metadata.items() <= state.metadata.items()


def test_kaizen_goes_on_and_saves_after_a_restore(flat: Path) -> None:
    head = restore(flat, "ckpt_42c9635956be")
    manager = StateManager(storage=FilesystemStorage(flat))
    state = resumed(flat, "research_agent")
    following = AgentState(
        agent_id="research_agent",
        step_number=state.step_number + 1,
        conversation_history=state.conversation_history,
        parent_checkpoint_id=state.checkpoint_id,
    )
    asyncio.run(manager.save_checkpoint(following))
    assert resumed(flat, "research_agent").parent_checkpoint_id == head.checkpoint_id


@pytest.mark.parametrize(
    ("folder", "agent"), [("mixed", "mixed-agent"), ("v1.0.0_22fields", "autonomous_agent")]
)
def test_other_folders_resume_too(samples: Path, tmp_path: Path, folder: str, agent: str) -> None:
    copy = copied(samples / "kaizen" / folder, tmp_path / folder)
    store = KaizenStore(copy)
    oldest = store.history(None, "main")[-1]
    restore(copy, oldest.id)
    assert resumed(copy, agent).step_number == oldest.step


def test_the_file_has_the_format_of_the_agents_own(flat: Path) -> None:
    gzipped = restore(flat, "ckpt_86bc81e004fb").checkpoint_id
    plain = restore(flat, "ckpt_738ed5f860c3").checkpoint_id
    assert (flat / f"{gzipped}.jsonl.gz").is_file()
    assert (flat / f"{plain}.jsonl").is_file()


def test_nothing_but_the_new_file_is_written(flat: Path) -> None:
    before = files(flat)
    head = restore(flat, "ckpt_738ed5f860c3")
    after = files(flat)
    assert after.keys() - before.keys() == {f"{head.checkpoint_id}.jsonl"}
    assert {name: after[name] for name in before} == before


def test_the_new_file_is_readable_by_whom_the_others_are(flat: Path) -> None:
    for path in flat.iterdir():
        path.chmod(0o640)
    head = restore(flat, "ckpt_738ed5f860c3")
    assert (flat / f"{head.checkpoint_id}.jsonl").stat().st_mode & 0o777 == 0o640


def test_the_documented_layout_gets_a_file_of_its_kind(samples: Path, tmp_path: Path) -> None:
    folder = copied(samples / "kaizen" / "documented_layout", tmp_path / "documented")
    store = KaizenStore(folder)
    target = store.get("ckpt_02e9d0930b64")
    head = restore(folder, target.id)
    [path] = [p for p in (folder / "etl_agent").iterdir() if head.checkpoint_id in text(p)]
    assert re.fullmatch(r"\d{8}T\d{12}\.jsonl(\.gz)?", path.name)
    assert store.head(target.agent_id, "main") == head


def text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def test_the_plan_names_what_becomes_a_branch(flat: Path) -> None:
    store = KaizenStore(flat)
    history = store.history("research_agent", "main")
    plan = store.plan_restore(history[4])
    assert plan.expected_head == history[0].id
    assert plan.superseded == tuple(record.id for record in history[:4])


def test_the_same_operation_acts_once(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    first = carry_out(store, plan)
    before = files(flat)
    assert carry_out(store, plan) == first
    assert carry_out(store, plan, written_ids=(first.checkpoint_id,)) == first
    assert files(flat) == before


def test_a_restore_can_be_undone(flat: Path) -> None:
    before = resumed(flat, "research_agent")
    restore(flat, "ckpt_738ed5f860c3")
    restore(flat, before.checkpoint_id, "op-2")
    state = resumed(flat, "research_agent")
    assert state.conversation_history == before.conversation_history


def test_a_head_that_moved_is_refused(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    newer = AgentState(agent_id="research_agent", step_number=999)
    asyncio.run(FilesystemStorage(flat).save(newer))
    before = files(flat)
    with pytest.raises(checkpoints.HeadMoved) as refused:
        carry_out(store, plan)
    assert refused.value.expected == plan.expected_head
    assert refused.value.actual == newer.checkpoint_id
    assert files(flat) == before


def test_a_target_that_changed_since_the_plan_is_refused(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    path = flat / "ckpt_738ed5f860c3.jsonl"
    path.write_text(path.read_text().replace("0.0", "9.0"))
    before = files(flat)
    with pytest.raises(checkpoints.CorruptCheckpoint):
        carry_out(store, plan)
    assert files(flat) == before


def test_a_target_that_was_damaged_since_the_plan_is_refused(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    path = flat / "ckpt_738ed5f860c3.jsonl"
    path.write_text(path.read_text()[:100])
    before = files(flat)
    with pytest.raises(checkpoints.CorruptCheckpoint):
        carry_out(store, plan)
    assert files(flat) == before


@pytest.mark.parametrize("folder", ["corrupt", "encrypted"])
def test_what_cannot_be_loaded_is_not_restored(samples: Path, tmp_path: Path, folder: str) -> None:
    store = KaizenStore(copied(samples / "kaizen" / folder, tmp_path / folder))
    for record in store.history(None, "main"):
        with pytest.raises((checkpoints.CorruptCheckpoint, checkpoints.PermanentStoreError)):
            store.plan_restore(record)


def rewritten(folder: Path, checkpoint_id: str, **values: Any) -> None:
    path = folder / f"{checkpoint_id}.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_naive_timestamp_in_the_folder_is_refused(flat: Path) -> None:
    rewritten(flat, "ckpt_bab53c1ae917", timestamp="2026-11-12T16:00:00")
    store = KaizenStore(flat)
    with pytest.raises(checkpoints.PlanRefused, match="time zone"):
        store.plan_restore(store.get("ckpt_738ed5f860c3"))


def test_a_field_that_kaizen_does_not_know_is_refused(flat: Path) -> None:
    rewritten(flat, "ckpt_738ed5f860c3", future_field=1)
    store = KaizenStore(flat)
    with pytest.raises(checkpoints.PlanRefused, match="future_field"):
        store.plan_restore(store.get("ckpt_738ed5f860c3"))


def test_a_head_in_the_future_is_refused(flat: Path) -> None:
    rewritten(flat, "ckpt_bab53c1ae917", timestamp=(now() + timedelta(days=1)).isoformat())
    store = KaizenStore(flat)
    with pytest.raises(checkpoints.PlanRefused, match="clock"):
        store.plan_restore(store.get("ckpt_738ed5f860c3"))


def test_the_older_form_with_cycles_is_not_restored(tmp_path: Path) -> None:
    line = json.dumps({"cycle": 1, "state": {}, "plan": []})
    (tmp_path / "checkpoint_cycle_001.jsonl").write_text(line)
    store = KaizenStore(tmp_path)
    with pytest.raises(checkpoints.PlanRefused, match="cycles"):
        store.plan_restore(store.get("checkpoint_cycle_001"))


def test_a_directive_travels_in_the_metadata(flat: Path) -> None:
    store = KaizenStore(flat)
    directive = checkpoints.Directive(strategy=Strategy.SKIP_TO_NEXT, parameters={"n": 1})
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    assert carry_out(store, plan, directive=directive).directive == directive
    kept = resumed(flat, "research_agent").metadata["holdfast_directive"]
    assert kept == {"strategy": "skip_to_next", "parameters": {"n": 1}}


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from checkpoints.connectors.kaizen import KaizenStore

def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

store = KaizenStore(Path(sys.argv[1]))
plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
setattr(os, sys.argv[2], die)
store.restore(plan, written_ids=("ckpt_0123456789ab",), operation_id="op-1", reason="r",
              now=datetime.now(UTC))
"""


@pytest.mark.parametrize("call", ["fchmod", "fsync", "link", "unlink"])
def test_a_kill_in_the_middle_leaves_old_or_new(flat: Path, call: str) -> None:
    before = resumed(flat, "research_agent").checkpoint_id
    assert run_script(KILLED, str(flat), call) == -signal.SIGKILL
    assert resumed(flat, "research_agent").checkpoint_id == before
    store = KaizenStore(flat)
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    head = carry_out(store, plan, written_ids=("ckpt_0123456789ab",))
    assert resumed(flat, "research_agent").checkpoint_id == head.checkpoint_id
    assert not list(flat.glob(".*"))


def test_a_kill_after_the_file_appeared_is_found_and_not_repeated(flat: Path) -> None:
    script = KILLED.replace("setattr(os, sys.argv[2], die)", AFTER_LINK)
    assert run_script(script, str(flat)) == -signal.SIGKILL
    assert resumed(flat, "research_agent").checkpoint_id == "ckpt_0123456789ab"
    store = KaizenStore(flat)
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    head = carry_out(store, plan, written_ids=("ckpt_ffffffffffff",))
    assert head.checkpoint_id == "ckpt_0123456789ab"
    assert len(files(flat)) == 70


AFTER_LINK = """
link = os.link
os.link = lambda *a, **k: (link(*a, **k), die())
"""


def test_two_restores_at_once_exclude_each_other(flat: Path) -> None:
    import fcntl

    store = KaizenStore(flat)
    plan = store.plan_restore(store.get("ckpt_738ed5f860c3"))
    descriptor = os.open(flat, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(checkpoints.TransientStoreError, match="another process"):
            carry_out(store, plan)
    finally:
        os.close(descriptor)
    assert carry_out(store, plan).operation_id == "op-1"
