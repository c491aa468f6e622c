"""What a restore promises of a store that another framework writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from checkpoints.errors import CorruptCheckpoint, HeadMoved
from checkpoints.records import Head, RestorePlan
from checkpoints.testing.suite.operable import GoOn, Made, MakeThread, OperableCase, head_id


class Restoring(OperableCase):
    """The framework resumes from an earlier checkpoint, and nothing later is lost."""

    def test_the_head_has_the_state_of_the_checkpoint(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(4)
        wanted = self.states(open_operated(), made)[made.ids[1]]
        head = restore(open_operated(), made, made.ids[1])
        assert head_id(open_operated(), made.agent_id, made.thread_id) == head.checkpoint_id
        record = self.record(open_operated(), made, head.checkpoint_id)
        assert self.shown(open_operated().load(record)) == self.shown(wanted)

    @staticmethod
    def shown(state: Any) -> Any:
        """Return of a state what is the agent's; a case may leave out what tells copies apart."""
        return state

    def test_nothing_is_lost(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(4)
        before = self.states(open_operated(), made)
        restore(open_operated(), made, made.ids[1])
        after = self.states(open_operated(), made)
        assert {name: after[name] for name in before} == before
        assert list(open_operated().verify()) == []

    def test_the_framework_goes_on_from_it(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, go_on: GoOn
    ) -> None:
        made = make_thread(3)
        restore(open_operated(), made, made.ids[0])
        new = go_on(made.agent_id, made.thread_id)
        assert head_id(open_operated(), made.agent_id, made.thread_id) == new

    def test_planning_writes_nothing(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        before = open_operated().history(made.agent_id, made.thread_id)
        planned(open_operated(), made, made.ids[0])
        assert open_operated().history(made.agent_id, made.thread_id) == before

    def test_a_plan_can_be_written_down_and_names_what_becomes_a_branch(
        self, operated: Any, make_thread: MakeThread
    ) -> None:
        made = make_thread(4)
        plan = planned(operated, made, made.ids[1])
        again = RestorePlan.from_dict(plan.to_dict())
        assert (again, again.digest()) == (plan, plan.digest())
        assert plan.expected_head == made.ids[-1]
        assert set(plan.superseded) == set(made.ids[2:])

    def test_delivered_twice_it_acts_once(
        self, open_operated: Callable[[], Any], make_thread: MakeThread
    ) -> None:
        made = make_thread(3)
        plan = planned(open_operated(), made, made.ids[0])
        ids = open_operated().choose_ids(plan)
        first = carried_out(open_operated(), plan, ids)
        listed = open_operated().history(made.agent_id, made.thread_id)
        again = carried_out(open_operated(), plan, ids)
        assert again.checkpoint_id == first.checkpoint_id
        assert open_operated().history(made.agent_id, made.thread_id) == listed

    def test_delivered_again_after_a_run_went_on_it_acts_no_more(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, go_on: GoOn
    ) -> None:
        made = make_thread(3)
        plan = planned(open_operated(), made, made.ids[0])
        ids = open_operated().choose_ids(plan)
        carried_out(open_operated(), plan, ids)
        new = go_on(made.agent_id, made.thread_id)
        listed = open_operated().history(made.agent_id, made.thread_id)
        carried_out(open_operated(), plan, ids)
        assert open_operated().history(made.agent_id, made.thread_id) == listed
        assert head_id(open_operated(), made.agent_id, made.thread_id) == new

    def test_a_head_that_moved_is_respected(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, go_on: GoOn
    ) -> None:
        made = make_thread(3)
        plan = planned(open_operated(), made, made.ids[0])
        ids = open_operated().choose_ids(plan)
        new = go_on(made.agent_id, made.thread_id)
        with pytest.raises(HeadMoved):
            carried_out(open_operated(), plan, ids)
        assert head_id(open_operated(), made.agent_id, made.thread_id) == new

    def test_one_that_is_damaged_is_not_restored(
        self,
        open_operated: Callable[[], Any],
        make_thread: MakeThread,
        damage: Callable[[str], None] | None,
    ) -> None:
        if damage is None:
            pytest.skip("this case does not say how its store is damaged")
        made = make_thread(3)
        plan = planned(open_operated(), made, made.ids[0])
        ids = open_operated().choose_ids(plan)
        damage(made.ids[0])
        with pytest.raises(CorruptCheckpoint):
            carried_out(open_operated(), plan, ids)
        assert head_id(open_operated(), made.agent_id, made.thread_id) == made.ids[-1]


def planned(store: Any, made: Made, checkpoint_id: str) -> RestorePlan:
    """Return what a restore of a checkpoint would do."""
    plan: RestorePlan = store.plan_restore(store.get(checkpoint_id, thread_id=made.thread_id))
    return plan


def carried_out(store: Any, plan: RestorePlan, written_ids: tuple[str, ...]) -> Head:
    """Carry a plan out and return the head."""
    head: Head = store.restore(
        plan,
        written_ids=written_ids,
        operation_id="op-1",
        reason="drift",
        now=datetime.now(UTC),
    )
    return head


def restore(store: Any, made: Made, checkpoint_id: str) -> Head:
    """Plan and carry out a restore."""
    plan = planned(store, made, checkpoint_id)
    return carried_out(store, plan, store.choose_ids(plan))
