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
    SchemaMismatch,
    Store,
    StoreError,
    TransientStoreError,
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


def test_a_restore_of_which_an_answer_was_lost_leaves_every_head_where_it_was(
    store: Store, tmp_path: Path
) -> None:
    second = open_store(f"sqlite:///{tmp_path}/second.db")
    assert isinstance(second, Store)
    faulty = FaultyStore(second)
    members = [CheckpointManager(n, store=s) for n, s in (("a", store), ("b", faulty))]
    group = CheckpointGroup(members)
    cut = group.checkpoint()
    later = [member.create_checkpoint(state={"later": True}) for member in members]
    for after in (False, True):
        faulty.fail("set_head", error=TransientStoreError("lost"), times=1, after=after)
        with pytest.raises(TransientStoreError):
            group.restore(cut.id)
        heads = [s.head(n, "main") for n, s in (("a", store), ("b", second))]
        assert [head.checkpoint_id for head in heads if head] == [each.id for each in later]
    group.restore(cut.id)
    assert [member.state for member in members] == [{}, {}]
    second.close()


def test_a_member_that_cannot_take_its_state_keeps_no_other_from_it(store: Store) -> None:
    def refuse(_state: object) -> None:
        raise ZeroDivisionError

    first = CheckpointManager("a", store=store, apply=refuse)
    second = CheckpointManager("b", store=store)
    second.state = {"n": 1}
    group = CheckpointGroup([first, second])
    cut = group.checkpoint()
    second.create_checkpoint(state={"n": 2})
    first.create_checkpoint(state={"n": 2})
    with pytest.raises(ZeroDivisionError):
        group.restore(cut.id)
    assert second.state == {"n": 1}
    for member in (first, second):
        head = store.head(member.agent_id, "main")
        assert head
        assert head.checkpoint_id == cut.members[member.agent_id, "main"]


def test_a_state_of_an_unknown_schema_is_refused_before_a_head_moves(store: Store) -> None:
    old = [CheckpointManager(n, store=store, schema_version=1) for n in ("a", "b")]
    cut = CheckpointGroup(old).checkpoint()
    later = [member.create_checkpoint(state={"later": True}) for member in old]
    new = CheckpointManager("b", store=store, schema_version=2)
    with pytest.raises(SchemaMismatch):
        CheckpointGroup([CheckpointManager("a", store=store), new]).restore(cut.id)
    heads = [store.head(name, "main") for name in ("a", "b")]
    assert [head.checkpoint_id for head in heads if head] == [each.id for each in later]


def test_a_cut_of_more_members_is_not_one_of_some_of_them(
    members: list[CheckpointManager],
) -> None:
    cut = CheckpointGroup(members).checkpoint()
    assert CheckpointGroup(members[:2]).history() == []
    assert CheckpointGroup(members).history() == [cut]


def test_a_cut_whose_checkpoint_has_gone_is_no_longer_listed(
    members: list[CheckpointManager], store: Store
) -> None:
    group = CheckpointGroup(members)
    gone, kept = group.checkpoint(), group.checkpoint()
    store.trash({gone.members["writer", "main"]: "old"}, now=kept.created_at)
    assert group.history() == [kept]


def test_groups_that_share_members_take_cuts_at_once(store: Store) -> None:
    a, b, c = (CheckpointManager(name, store=store) for name in "abc")
    groups = [CheckpointGroup(each) for each in ([a, b], [c, b], [c, a], [c, b, a])]

    def cut(group: CheckpointGroup) -> None:
        for _ in range(5):
            group.checkpoint()

    threads = [threading.Thread(target=cut, args=(group,)) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(group.history()) for group in groups] == [5, 5, 5, 5]


def test_steps_may_be_nested_while_a_cut_waits(members: list[CheckpointManager]) -> None:
    group = CheckpointGroup(members)
    cuts: list[object] = []
    with group.step():
        cutter = threading.Thread(target=lambda: cuts.append(group.checkpoint()))
        cutter.start()
        while not group._cutting:
            cutter.join(0.01)
        with group.step():
            assert cuts == []
    cutter.join()
    assert len(cuts) == 1


def test_an_interrupt_while_a_cut_waits_lets_the_steps_go_on(
    members: list[CheckpointManager], monkeypatch: pytest.MonkeyPatch
) -> None:
    group = CheckpointGroup(members)

    def interrupt(_timeout: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(group, "_require_quiet", interrupt)
    with pytest.raises(KeyboardInterrupt):
        group.checkpoint()
    with group.step():
        pass
    assert group.history() == []


def test_a_cut_within_a_members_batch_is_refused(members: list[CheckpointManager]) -> None:
    group = CheckpointGroup(members)
    with members[0].batch(), pytest.raises(PlanRefused, match="batch is open"):
        group.checkpoint()
    assert members[1].history() == []
    group.checkpoint()
