"""What a fork promises, of whatever store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint, PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Head
from checkpoints.testing.samples import NOON
from checkpoints.testing.suite.operable import GoOn, Made, MakeThread, OperableCase, head_id

LATER = NOON + timedelta(hours=1)


class Forking(OperableCase):
    """A new thread begins at a checkpoint, once, and the old one stays as it is."""

    edit = Edit(path=("added by the operator",), value={"why": ["drift", 1]})
    """An edit that the state of any checkpoint of these threads can take."""

    def test_a_new_thread_begins_with_the_state_of_the_checkpoint(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(4)
        head = fork(open_operated(), made, made.ids[1])
        first = open_operated().get(head.checkpoint_id, thread_id="forked")
        assert first.agent_id == made.agent_id
        assert open_operated().load(first) == open_operated().load(
            self.record(open_operated(), made, made.ids[1])
        )
        assert head_id(open_operated(), made.agent_id, "forked") == first.id

    def test_a_fork_leaves_the_old_thread_as_it_is(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(4)
        before, states = (
            open_operated().history(made.agent_id, made.thread_id),
            self.states(open_operated(), made),
        )
        fork(open_operated(), made, made.ids[1])
        assert open_operated().history(made.agent_id, made.thread_id) == before
        assert self.states(open_operated(), made) == states
        assert head_id(open_operated(), made.agent_id, made.thread_id) == made.ids[-1]

    def test_an_agent_goes_on_in_a_fork(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, go_on: GoOn
    ) -> None:
        made = make_thread(3)
        fork(open_operated(), made, made.ids[1])
        new = go_on(made.agent_id, "forked")
        assert head_id(open_operated(), made.agent_id, "forked") == new
        assert head_id(open_operated(), made.agent_id, made.thread_id) == made.ids[-1]

    def test_planning_a_fork_writes_nothing(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(2)
        open_operated().plan_fork(
            self.record(open_operated(), made, made.ids[0]), thread_id="forked"
        )
        assert open_operated().head(made.agent_id, "forked") is None
        with pytest.raises(CheckpointNotFound):
            open_operated().history(made.agent_id, "forked")

    def test_a_plan_of_a_fork_can_be_written_down(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(2)
        plan = planned(operated, made, made.ids[0], self.edit)
        again = ForkPlan.from_dict(plan.to_dict())
        assert (again, again.digest()) == (plan, plan.digest())
        assert plan.targets[0].checkpoint_id == made.ids[0]

    def test_a_fork_delivered_twice_acts_once(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        store = open_operated()
        plan = planned(store, made, made.ids[1])
        ids = store.choose_fork_ids(plan)
        first = carried_out(store, plan, ids)
        assert carried_out(open_operated(), plan, ids) == first
        assert len(open_operated().history(made.agent_id, "forked")) == len(ids)

    def test_a_fork_delivered_again_after_a_run_went_on_acts_no_more(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, go_on: GoOn
    ) -> None:
        made = make_thread(3)
        plan = planned(open_operated(), made, made.ids[1])
        ids = open_operated().choose_fork_ids(plan)
        carried_out(open_operated(), plan, ids)
        new = go_on(made.agent_id, "forked")
        before = open_operated().history(made.agent_id, "forked")
        carried_out(open_operated(), plan, ids)
        assert open_operated().history(made.agent_id, "forked") == before
        assert head_id(open_operated(), made.agent_id, "forked") == new

    def test_a_thread_that_exists_is_not_forked_into(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(2)
        with pytest.raises(PlanRefused):
            planned(operated, made, made.ids[0], thread_id=made.thread_id)
        assert head_id(operated, made.agent_id, made.thread_id) == made.ids[-1]

    def test_of_two_forks_into_one_thread_one_is_refused(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        store = open_operated()
        plans = [planned(store, made, name) for name in made.ids[:2]]
        first = carried_out(store, plans[0], store.choose_fork_ids(plans[0]))
        with pytest.raises(PlanRefused):
            carried_out(store, plans[1], store.choose_fork_ids(plans[1]), operation_id="op-2")
        assert head_id(open_operated(), made.agent_id, "forked") == first.checkpoint_id

    def test_a_checkpoint_that_is_not_what_the_plan_saw_is_not_forked(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(2)
        plan = planned(operated, made, made.ids[0])
        wrong = replace(plan, targets=(replace(plan.targets[0], sha256="0" * 64),))
        with pytest.raises(CorruptCheckpoint):
            carried_out(operated, wrong, operated.choose_fork_ids(wrong))
        assert operated.head(made.agent_id, "forked") is None

    def test_an_edit_is_made_in_the_new_thread_only(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        before = self.states(open_operated(), made)
        head = fork(open_operated(), made, made.ids[1], self.edit)
        first = open_operated().get(head.checkpoint_id, thread_id="forked")
        assert value_at(open_operated().load(first), self.edit) == self.edit.value
        assert self.states(open_operated(), made) == before

    def test_an_edit_that_makes_no_sense_is_refused_by_its_path(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(2)
        nowhere = Edit(path=("there is no such field", 7), value=1)
        with pytest.raises(PlanRefused, match="there is no such field"):
            planned(operated, made, made.ids[0], nowhere)


def planned(
    store: Any, made: Made, checkpoint_id: str, *edits: Edit, thread_id: str = "forked"
) -> ForkPlan:
    """Plan a fork of a thread's checkpoint."""
    record = store.get(checkpoint_id, thread_id=made.thread_id)
    plan: ForkPlan = store.plan_fork(record, thread_id=thread_id, edits=edits)
    return plan


def carried_out(
    store: Any, plan: ForkPlan, ids: tuple[str, ...], *, operation_id: str = "op-1"
) -> Head:
    """Carry a plan out."""
    head: Head = store.fork(
        plan, written_ids=ids, operation_id=operation_id, reason="try again", now=LATER
    )
    return head


def fork(store: Any, made: Made, checkpoint_id: str, *edits: Edit) -> Head:
    """Plan a fork into the thread ``forked`` and carry it out."""
    plan = planned(store, made, checkpoint_id, *edits)
    return carried_out(store, plan, store.choose_fork_ids(plan))


def value_at(state: Any, edit: Edit) -> Any:
    """Return what lies at an edit's path."""
    for part in edit.path:
        state = state[part]
    return state
