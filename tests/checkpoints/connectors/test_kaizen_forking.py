"""Forks in a Kaizen folder, proved by the real Kaizen resuming from them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from kaizen.core.autonomy.state import AgentState, FilesystemStorage

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Head
from tests.checkpoints.connectors.kaizen_folders import (
    copied,
    files,
    now,
    resumed,
    run_script,
    saved,
)

TARGET = "ckpt_738ed5f860c3"
"""The first checkpoint of ``research_agent``."""
GENERIC = "ckpt_21b13196cd44"
"""A checkpoint that was saved as ``autonomous_agent``."""


@pytest.fixture
def flat(samples: Path, tmp_path: Path) -> Path:
    return copied(samples / "kaizen" / "flat", tmp_path / "flat")


def carry_out(
    store: KaizenStore, plan: ForkPlan, written_ids: tuple[str, ...] | None = None
) -> Head:
    ids = written_ids or store.choose_fork_ids(plan)
    return store.fork(
        plan, written_ids=ids, operation_id="op-1", reason="try another way", now=now()
    )


def fork(folder: Path, checkpoint_id: str, name: str, *edits: Edit) -> Head:
    store = KaizenStore(folder)
    plan = store.plan_fork(store.get(checkpoint_id), thread_id=name, edits=edits)
    return carry_out(store, plan)


@pytest.mark.parametrize("agent", ["research_agent", "etl_agent"])
@pytest.mark.parametrize("position", [0, 3, 10])
def test_kaizen_resumes_the_fork_under_its_own_name(flat: Path, agent: str, position: int) -> None:
    storage = FilesystemStorage(flat)
    target = asyncio.run(storage.list_checkpoints(agent))[position]
    wanted = asyncio.run(storage.load(target.checkpoint_id))
    head = fork(flat, target.checkpoint_id, "what-if")
    state = resumed(flat, "what-if")
    assert state.checkpoint_id == head.checkpoint_id
    assert state.parent_checkpoint_id == target.checkpoint_id
    ours = {"checkpoint_id", "agent_id", "timestamp", "parent_checkpoint_id", "metadata"}
    assert {k: v for k, v in state.to_dict().items() if k not in ours} == {
        k: v for k, v in wanted.to_dict().items() if k not in ours
    }
    assert wanted.metadata.items() <= state.metadata.items()


@pytest.mark.parametrize("origin", [TARGET, GENERIC])
def test_the_old_agent_resumes_what_it_did(flat: Path, origin: str) -> None:
    agents = ("research_agent", "etl_agent", "autonomous_agent")
    before = {agent: resumed(flat, agent).to_dict() for agent in agents}
    old = files(flat)
    fork(flat, origin, "what-if")
    assert {agent: resumed(flat, agent).to_dict() for agent in agents} == before
    assert {name: content for name, content in files(flat).items() if name in old} == old


def test_an_agent_that_shares_the_generic_name_is_forked_into_a_folder(flat: Path) -> None:
    head = fork(flat, GENERIC, "what-if")
    state = resumed(flat / "what-if", "autonomous_agent")
    assert state.checkpoint_id == head.checkpoint_id
    assert state.parent_checkpoint_id == GENERIC
    assert head.agent_id == "what-if"
    assert (flat / "what-if").stat().st_mode == flat.stat().st_mode


def test_kaizen_goes_on_in_the_forks_folder(flat: Path) -> None:
    head = fork(flat, GENERIC, "what-if")
    following = AgentState(agent_id="autonomous_agent", parent_checkpoint_id=head.checkpoint_id)
    saved(flat / "what-if", following)
    store = KaizenStore(flat)
    assert [r.id for r in store.history("what-if", "main")] == [
        following.checkpoint_id,
        head.checkpoint_id,
    ]


def test_kaizen_goes_on_beside_the_old_agent(flat: Path) -> None:
    before = resumed(flat, "research_agent").checkpoint_id
    fork(flat, TARGET, "what-if")
    following = AgentState(agent_id="what-if", step_number=6)
    saved(flat, following)
    assert resumed(flat, "what-if").checkpoint_id == following.checkpoint_id
    assert resumed(flat, "research_agent").checkpoint_id == before


def test_the_documented_layout_gets_a_folder_of_the_new_name(samples: Path, tmp_path: Path) -> None:
    folder = copied(samples / "kaizen" / "documented_layout", tmp_path / "documented")
    store = KaizenStore(folder)
    own = next(t for t in store.threads() if t.agent_id == "etl_agent")
    assert own.head_id is not None
    head = fork(folder, own.head_id, "what-if")
    [name] = [name for name in files(folder) if name.startswith("what-if/")]
    assert store.get(head.checkpoint_id).metadata["file"] == name
    assert store.head("what-if", "main") == head
    assert store.head("etl_agent", "main") == KaizenStore(folder).head("etl_agent", "main")


def test_an_agents_folder_is_matched_by_a_folder(flat: Path, tmp_path: Path) -> None:
    root = tmp_path / "agents"
    root.mkdir()
    saved(root / "worker", AgentState(agent_id="worker", step_number=3))
    store = KaizenStore(root)
    head = fork(root, store.history("worker", "main")[0].id, "worker-2")
    assert resumed(root / "worker-2", "worker-2").checkpoint_id == head.checkpoint_id


def test_a_fork_stays_in_a_folder_that_several_agents_share(tmp_path: Path) -> None:
    origin = saved(tmp_path / "team", AgentState(agent_id="one"))
    saved(tmp_path / "team", AgentState(agent_id="two"))
    head = fork(tmp_path, origin, "three")
    assert resumed(tmp_path / "team", "three").checkpoint_id == head.checkpoint_id
    assert resumed(tmp_path / "team", "one").checkpoint_id == origin


def test_a_fork_of_a_fork_in_a_folder_gets_a_folder_beside_it(flat: Path) -> None:
    first = fork(flat, GENERIC, "what-if")
    store = KaizenStore(flat)
    plan = store.plan_fork(store.get(first.checkpoint_id), thread_id="what-else")
    ids = store.choose_fork_ids(plan)
    store.fork(plan, written_ids=ids, operation_id="op-2", reason="r", now=now())
    assert resumed(flat / "what-else", "autonomous_agent").checkpoint_id == ids[0]
    assert resumed(flat / "what-if", "autonomous_agent").checkpoint_id == first.checkpoint_id
    assert list(store.verify()) == []


def test_the_plan_says_how_kaizen_finds_the_fork(flat: Path) -> None:
    store = KaizenStore(flat)
    named = store.plan_fork(store.get(TARGET), thread_id="what-if")
    assert "start it with agent_id 'what-if'" in named.warnings[0]
    placed = store.plan_fork(store.get(GENERIC), thread_id="what-if")
    assert f"base_dir={flat / 'what-if'}" in placed.warnings[0]


def test_planning_writes_nothing(flat: Path) -> None:
    before = files(flat)
    store = KaizenStore(flat)
    plan = store.plan_fork(store.get(GENERIC), thread_id="what-if")
    assert files(flat) == before
    assert not (flat / "what-if").exists()
    assert ForkPlan.from_dict(plan.to_dict()) == plan


def test_the_new_agent_may_be_named_instead_of_the_thread(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_fork(store.get(TARGET), thread_id="main", agent_id="what-if")
    assert (plan.new_agent_id, plan.new_thread_id) == ("what-if", "main")
    assert carry_out(store, plan).agent_id == "what-if"


@pytest.mark.parametrize(
    ("thread", "agent", "why"),
    [
        ("main", None, "checkpoints already"),
        ("etl_agent", None, "checkpoints already"),
        ("one", "another", "not both"),
        ("autonomous_agent", None, "cannot name"),
        ("a\nb", None, "cannot name"),
        (" ", None, "cannot name"),
        ("n" * 201, None, "too long"),
    ],
)
def test_a_name_that_cannot_be_found_is_refused(
    flat: Path, thread: str, agent: str | None, why: str
) -> None:
    store = KaizenStore(flat)
    with pytest.raises(checkpoints.PlanRefused, match=why):
        store.plan_fork(store.get(TARGET), thread_id=thread, agent_id=agent)


@pytest.mark.parametrize(
    "name", ["../out", "a/b", ".hidden", "..", "n" * 300, "x.jsonl", "a\0b", "taken", "linked"]
)
def test_a_name_that_is_no_free_folder_is_refused(flat: Path, tmp_path: Path, name: str) -> None:
    (flat / "taken").write_text("")
    (flat / "linked").symlink_to(tmp_path)
    store = KaizenStore(flat)
    with pytest.raises(checkpoints.PlanRefused, match="name"):
        store.plan_fork(store.get(GENERIC), thread_id=name)


def test_edits_change_the_forks_state_alone(flat: Path) -> None:
    origin = KaizenStore(flat).history("research_agent", "main")[0]
    before = KaizenStore(flat).load(origin)
    fork(
        flat,
        origin.id,
        "what-if",
        Edit(path=("conversation_history", 0, "content"), value="another question"),
        Edit(path=("conversation_history", 1), remove=True),
        Edit(path=("memory_contents", "new fact"), value=[1, {"a": None}]),
        Edit(path=("status",), value="interrupted"),
    )
    state = resumed(flat, "what-if")
    [first, *rest] = state.conversation_history
    assert first == before["conversation_history"][0] | {"content": "another question"}
    assert rest == before["conversation_history"][2:]
    assert state.memory_contents["new fact"] == [1, {"a": None}]
    assert state.status == "interrupted"
    assert KaizenStore(flat).load(origin) == before


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Edit(path=("unknown",), value=1), "no such field"),
        (Edit(path=("agent_id",), value="x"), "of its own"),
        (Edit(path=("timestamp",), value="x"), "of its own"),
        (Edit(path=("model",), remove=True), "empty it"),
        (Edit(path=("conversation_history",), value="text"), "is a list"),
        (Edit(path=("step_number",), value=True), "is a number"),
        (Edit(path=("status",), value="asleep"), "one of"),
        (Edit(path=("conversation_history", 99), value={}), "items"),
        (Edit(path=("memory_contents", "no", "where"), value=1), "nothing"),
        (Edit(path=(), value={}), "field"),
        (Edit(path=("memory_contents", "x"), value={1, 2}), "JSON"),
        (Edit(path=("memory_contents", "x"), value=float("nan")), "JSON"),
        (Edit(path=("memory_contents", "x"), value="y" * 17_000_000), "more than"),
    ],
)
def test_an_edit_that_kaizen_could_not_load_is_refused(flat: Path, edit: Edit, why: str) -> None:
    store = KaizenStore(flat)
    with pytest.raises(checkpoints.PlanRefused, match=why):
        store.plan_fork(store.get(TARGET), thread_id="what-if", edits=[edit])


def test_the_same_operation_acts_once_also_after_a_run_went_on(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_fork(store.get(TARGET), thread_id="what-if")
    head = carry_out(store, plan)
    assert carry_out(store, plan) == head
    following = resumed(flat, "what-if")
    following.checkpoint_id = "ckpt_aaaaaaaaaaaa"
    following.timestamp = now()
    saved(flat, following)
    before = files(flat)
    assert carry_out(store, plan, written_ids=("ckpt_bbbbbbbbbbbb",)).checkpoint_id == (
        "ckpt_aaaaaaaaaaaa"
    )
    assert files(flat) == before


def test_a_thread_that_another_has_made_is_refused(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_fork(store.get(TARGET), thread_id="what-if")
    saved(flat, AgentState(agent_id="what-if"))
    before = files(flat)
    with pytest.raises(checkpoints.PlanRefused, match="another name"):
        carry_out(store, plan)
    assert files(flat) == before


def test_an_origin_that_changed_since_the_plan_is_refused(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_fork(store.get(GENERIC), thread_id="what-if")
    path = next(flat.glob(f"{GENERIC}*"))
    path.unlink()
    before = files(flat)
    with pytest.raises(checkpoints.CorruptCheckpoint):
        carry_out(store, plan)
    assert files(flat) == before


def test_a_field_that_kaizen_does_not_know_is_refused(flat: Path) -> None:
    path = flat / f"{TARGET}.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"future_field": 1}))
    store = KaizenStore(flat)
    with pytest.raises(checkpoints.PlanRefused, match="future_field"):
        store.plan_fork(store.get(TARGET), thread_id="what-if")


def test_a_fork_of_a_restored_state_names_its_own_origin(flat: Path) -> None:
    store = KaizenStore(flat)
    plan = store.plan_restore(store.get(TARGET))
    restored = store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id="op-0",
        reason="back",
        now=now(),
        directive=checkpoints.Directive(strategy=checkpoints.Strategy.SKIP_TO_NEXT),
    )
    head = fork(flat, restored.checkpoint_id, "what-if")
    metadata = resumed(flat, "what-if").metadata
    assert metadata["forked_from"] == restored.checkpoint_id
    assert metadata["forked_from_agent"] == "research_agent"
    assert "restored_from" not in metadata
    assert (head.operation_id, head.reason, head.directive) == ("op-1", "try another way", None)


def test_a_folder_that_may_not_be_written_to_says_so(
    flat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    capabilities = KaizenStore(flat).capabilities
    assert not capabilities.fork
    assert not capabilities.edit
    assert "read-only" in capabilities.reasons["fork"]


def test_a_folder_of_cycles_says_that_it_cannot_fork(tmp_path: Path) -> None:
    line = json.dumps({"cycle": 1, "state": {}, "plan": []})
    (tmp_path / "checkpoint_cycle_001.jsonl").write_text(line)
    capabilities = KaizenStore(tmp_path).capabilities
    assert not capabilities.fork
    assert "cycles" in capabilities.reasons["fork"]


@pytest.mark.parametrize("form", ["encrypted", "encrypted_compressed_UNLOADABLE_BY_KAIZEN"])
def test_a_folder_of_encrypted_states_says_that_it_cannot_fork(
    samples: Path, tmp_path: Path, form: str
) -> None:
    store = KaizenStore(copied(samples / "kaizen" / form, tmp_path / "locked"))
    assert "encrypted" in store.capabilities.reasons["fork"]
    with pytest.raises(checkpoints.PermanentStoreError, match="encrypted"):
        store.plan_fork(store.history(None, "main")[0], thread_id="what-if")


def test_it_keeps_the_protocol(flat: Path) -> None:
    assert isinstance(KaizenStore(flat), checkpoints.ForkableStore)


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from checkpoints.connectors.kaizen import KaizenStore

def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def after(call):
    def run(*args, **kwargs):
        call(*args, **kwargs)
        die()
    return run

store = KaizenStore(Path(sys.argv[1]))
plan = store.plan_fork(store.get(sys.argv[2]), thread_id="what-if")
name = sys.argv[3].removeprefix("after_")
setattr(os, name, after(getattr(os, name)) if sys.argv[3] != name else die)
store.fork(plan, written_ids=("ckpt_0123456789ab",), operation_id="op-1", reason="r",
           now=datetime.now(UTC))
"""


@pytest.mark.parametrize(
    "call", ["mkdir", "after_mkdir", "fchmod", "after_fsync", "link", "after_link", "unlink"]
)
def test_a_kill_in_the_middle_leaves_all_or_nothing(flat: Path, call: str) -> None:
    old = files(flat)
    assert run_script(KILLED, str(flat), GENERIC, call) == -signal.SIGKILL
    assert {name: content for name, content in files(flat).items() if name in old} == old
    store = KaizenStore(flat)
    if store.head("what-if", "main") is None:
        plan = store.plan_fork(store.get(GENERIC), thread_id="what-if")
    else:
        plan = store.plan_fork(store.get(GENERIC), thread_id="elsewhere")
        plan = ForkPlan.from_dict(plan.to_dict() | {"new_agent_id": "what-if"})
    carry_out(store, plan, written_ids=("ckpt_0123456789ab",))
    assert resumed(flat / "what-if", "autonomous_agent").checkpoint_id == "ckpt_0123456789ab"
    assert files(flat).keys() - old.keys() == {"what-if/ckpt_0123456789ab.jsonl.gz"}
