"""Several agents as one consistent cut."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from checkpoints import (
    CheckpointGroup,
    CheckpointManager,
    CheckpointNotFound,
    HeadMoved,
    PlanRefused,
    Store,
    StoreError,
    open_store,
)
from checkpoints.testing import FaultyStore


@pytest.fixture
def members(store: Store) -> list[CheckpointManager]:
    return [CheckpointManager(name, store=store) for name in ("planner", "writer", "critic")]


def remember(members: list[CheckpointManager], n: int) -> None:
    for member in members:
        member.state = {"n": n, "name": member.agent_id}


def test_a_cut_holds_a_checkpoint_of_each_member(members: list[CheckpointManager]) -> None:
    group = CheckpointGroup(members)
    remember(members, 1)
    cut = group.checkpoint("before the deploy")
    assert cut.name == "before the deploy"
    assert set(cut.members) == {(name, "main") for name in ("planner", "writer", "critic")}
    assert group.history() == [cut]
    for member in members:
        assert member.load(cut.members[member.agent_id, "main"])["n"] == 1


def test_a_cut_is_restored_together(members: list[CheckpointManager]) -> None:
    group = CheckpointGroup(members)
    remember(members, 1)
    cut = group.checkpoint()
    remember(members, 2)
    for member in members:
        member.create_checkpoint()
    states = group.restore(cut.id)
    assert {state["n"] for state in states.values()} == {1}
    assert [member.state["n"] for member in members] == [1, 1, 1]
    for member in members:
        assert member.create_checkpoint().parent_id == cut.members[member.agent_id, "main"]


def test_members_may_save_into_different_stores(tmp_path: Path) -> None:
    managers = [CheckpointManager(n, store=f"sqlite:///{tmp_path}/{n}.db") for n in ("a", "b")]
    cut = CheckpointGroup(managers).checkpoint()
    again = CheckpointGroup(
        [CheckpointManager(n, store=f"sqlite:///{tmp_path}/{n}.db") for n in ("a", "b")]
    )
    assert again.history() == [cut]
    again.restore(cut.id)


def test_a_restore_moves_no_head_when_one_member_has_gone_on_elsewhere(
    members: list[CheckpointManager], store: Store
) -> None:
    group = CheckpointGroup(members)
    cut = group.checkpoint()
    for member in members:
        member.create_checkpoint(state={"later": True})
    other = CheckpointManager("writer", store=store)
    other.create_checkpoint(state={"other": True})
    heads = {m.agent_id: store.head(m.agent_id, "main") for m in members}
    with pytest.raises(HeadMoved):
        group.restore(cut.id)
    for member in members:
        before, now = heads[member.agent_id], store.head(member.agent_id, "main")
        assert before
        assert now
        assert now.checkpoint_id == before.checkpoint_id


def test_a_cut_that_one_member_could_not_save_does_not_count(store: Store, tmp_path: Path) -> None:
    second = open_store(f"sqlite:///{tmp_path}/second.db")
    assert isinstance(second, Store)
    faulty = FaultyStore(second)
    group = CheckpointGroup(
        [CheckpointManager("a", store=store), CheckpointManager("b", store=faulty)]
    )
    faulty.fail("put", error=StoreError("full"))
    with pytest.raises(StoreError):
        group.checkpoint()
    faulty.heal()
    assert group.history() == []
    faulty.fail("record", error=StoreError("full"))
    with pytest.raises(StoreError):
        group.checkpoint()
    faulty.heal()
    assert group.history() == []
    second.close()


def test_an_unknown_cut_is_refused(members: list[CheckpointManager]) -> None:
    with pytest.raises(CheckpointNotFound, match="nothing was changed"):
        CheckpointGroup(members).restore("no-such-cut")


def test_a_cut_is_consistent_while_members_pass_messages(store: Store) -> None:
    """A token is passed on within one step; no cut may see it twice or not at all."""
    left, right = (CheckpointManager(name, store=store) for name in ("left", "right"))
    left.state, right.state = {"tokens": 1000}, {"tokens": 0}
    group = CheckpointGroup([left, right])
    stop = threading.Event()

    def pass_tokens() -> None:
        while not stop.is_set():
            with group.step():
                left.state["tokens"] -= 1
                right.state["tokens"] += 1

    worker = threading.Thread(target=pass_tokens)
    worker.start()
    try:
        cuts = [group.checkpoint() for _ in range(20)]
    finally:
        stop.set()
        worker.join()
    for cut in cuts:
        held = [m.load(cut.members[m.agent_id, "main"])["tokens"] for m in (left, right)]
        assert sum(held) == 1000


def test_a_cut_within_a_step_is_refused_instead_of_waiting_for_ever(
    members: list[CheckpointManager],
) -> None:
    group = CheckpointGroup(members)
    with group.step(), pytest.raises(PlanRefused, match="still go on"):
        group.checkpoint(timeout=0.01)
    assert group.history() == []
    group.checkpoint()


def test_a_group_has_members_and_each_once(members: list[CheckpointManager]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        CheckpointGroup([])
    with pytest.raises(ValueError, match="once"):
        CheckpointGroup([members[0], members[0]])
