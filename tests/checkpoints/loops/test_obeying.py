"""What an operator leaves is read at the next step or resume, and carried out."""

from __future__ import annotations

import pytest

from checkpoints import CheckpointManager, HeadMoved, Kind, Strategy
from checkpoints.loops import LoopState, run_loop
from tests.checkpoints.loops.conftest import Operator


def work(state: LoopState) -> None:
    """Do the first pending action; every third cycle generates, every second begins anew."""
    state.step_name = "generation" if state.cycle % 3 == 2 else "thinking"
    if state.cycle % 2 == 0:
        state.begin_iteration()
    state.completed_actions.append(state.pending_actions.pop(0))


def five(manager: CheckpointManager) -> LoopState:
    """Run five cycles."""
    state = LoopState(pending_actions=list("abcdefghij"))
    return run_loop(work, manager=manager, state=state, max_cycles=5).state


def done_next(manager: CheckpointManager, cycles: int = 1) -> str:
    """Resume, run some cycles, and return the actions that are completed then."""
    record = manager.store.head("agent-1", "main")
    assert record is not None
    begun = manager.load(record.checkpoint_id)["cycle"]
    ended = run_loop(work, manager=manager, max_cycles=begun + cycles)
    return "".join(ended.state.completed_actions)


def at_cycle(manager: CheckpointManager, cycle: int) -> str:
    return next(record.id for record in reversed(manager.history()) if record.step == cycle)


def test_retry_current_step_takes_the_step_after_the_head(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 2), Strategy.RETRY_CURRENT_STEP)
    assert done_next(manager) == "abc"


def test_skip_to_next_leaves_one_action_out(manager: CheckpointManager, operator: Operator) -> None:
    five(manager)
    operator(at_cycle(manager, 2), Strategy.SKIP_TO_NEXT)
    assert done_next(manager, 2) == "abd"
    assert manager.state["skipped_actions"] == ["c"]


def test_restart_iteration_goes_back_to_where_the_iteration_began(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 4), Strategy.RESTART_ITERATION)
    assert done_next(manager, -1) == "abc"


def test_restart_iteration_in_the_first_one_begins_anew(
    manager: CheckpointManager, operator: Operator
) -> None:
    state = LoopState(pending_actions=list("xyz"))

    def plain(state: LoopState) -> None:
        state.completed_actions.append(state.pending_actions.pop(0))

    run_loop(plain, manager=manager, state=state, max_cycles=2)
    operator(at_cycle(manager, 1), Strategy.RESTART_ITERATION)
    again = LoopState(pending_actions=list("xyz"))
    ended = run_loop(plain, manager=manager, state=again, max_cycles=1)
    assert ended.state.completed_actions == ["x"]


def test_restart_from_generation_goes_back_before_the_step_that_produced_the_content(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 4), Strategy.RESTART_FROM_GENERATION)
    assert done_next(manager, -1) == "abc"
    assert manager.history()[0].step_name == "generation"


def test_the_step_that_produces_the_content_can_be_named(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 3), Strategy.RESTART_FROM_GENERATION, step_name="thinking")
    assert done_next(manager, -1) == "ab"


def test_modify_parameters_reaches_the_step_and_the_loop(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    parameters = {"temperature": 0.1, "max_cycles": 4, "limit_usd": 2.5}
    operator(at_cycle(manager, 2), Strategy.MODIFY_PARAMETERS, **parameters)
    ended = run_loop(work, manager=manager, max_cycles=10)
    assert ended.state.parameters["temperature"] == 0.1
    assert (ended.state.cycle, ended.reason) == (4, "max_cycles")
    assert ended.state.budget.limit_usd == 2.5


def test_full_restart_begins_with_what_the_program_begins_with(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 3), Strategy.FULL_RESTART, mode="careful")
    state = LoopState(pending_actions=list("ABC"))
    ended = run_loop(work, manager=manager, state=state, max_cycles=2)
    assert (ended.state.completed_actions, ended.state.parameters) == (
        ["A", "B"],
        {"mode": "careful"},
    )
    assert len(manager.history()) > 5


def test_restore_checkpoint_goes_on_from_what_was_restored(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 1), Strategy.RESTORE_CHECKPOINT)
    assert done_next(manager) == "ab"


def test_restore_checkpoint_may_name_another_one(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    named = at_cycle(manager, 3)
    operator(manager.history()[0].id, Strategy.RESTORE_CHECKPOINT, checkpoint_id=named)

    def step(state: LoopState) -> None:
        state.finish("".join(state.completed_actions))

    assert run_loop(step, manager=CheckpointManager("agent-1", store=manager.store)).result == "abc"


def test_a_running_loop_restores_what_a_directive_names(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    named = at_cycle(manager, 3)
    left = iter([True])

    def step(state: LoopState) -> None:
        work(state)
        if next(left, False):
            operator(manager.history()[0].id, Strategy.RESTORE_CHECKPOINT, checkpoint_id=named)

    ended = run_loop(step, manager=manager, max_cycles=6)
    assert (ended.cycles, "".join(ended.state.completed_actions)) == (4, "abcdef")


def test_escalate_to_human_saves_and_waits_and_the_next_run_goes_on(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 3), Strategy.ESCALATE_TO_HUMAN)
    ended = run_loop(work, manager=manager, max_cycles=9)
    assert (ended.status, ended.reason, ended.cycles) == (
        "waiting",
        "directive: escalate_to_human",
        0,
    )
    assert manager.history()[0].status == "waiting"
    assert done_next(manager) == "abcd"


def test_a_directive_is_obeyed_once(manager: CheckpointManager, operator: Operator) -> None:
    five(manager)
    operator(at_cycle(manager, 2), Strategy.SKIP_TO_NEXT)
    first = run_loop(work, manager=manager, max_cycles=4)
    second = run_loop(work, manager=manager, max_cycles=5)
    assert (len(first.directives), len(second.directives)) == (1, 0)
    assert second.state.skipped_actions == ["c"]


def test_a_directive_is_on_the_timeline(manager: CheckpointManager, operator: Operator) -> None:
    five(manager)
    operator(at_cycle(manager, 2), Strategy.MODIFY_PARAMETERS, temperature=0.1)
    run_loop(work, manager=manager, max_cycles=3)
    noted = [
        record.metadata["directive"]
        for record in manager.history()
        if "directive" in record.metadata
    ]
    assert noted == [{"strategy": "modify_parameters", "temperature": 0.1}]


@pytest.mark.parametrize("frequency", [1, 100])
def test_a_restore_under_a_running_loop_is_followed_at_its_next_step(
    manager: CheckpointManager, operator: Operator, frequency: int
) -> None:
    five(manager)
    early = at_cycle(manager, 2)
    running = CheckpointManager("agent-1", store=manager.store, checkpoint_frequency=frequency)
    seen: list[int] = []

    def step(state: LoopState) -> None:
        seen.append(state.cycle)
        work(state)
        if seen == [5, 6]:
            operator(early)

    ended = run_loop(step, manager=running, max_cycles=7)
    assert seen == [5, 6, 2, 3, 4, 5, 6]
    assert "".join(ended.state.completed_actions) == "abcdefg"


def test_a_restore_during_the_last_step_is_followed_too(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    early = at_cycle(manager, 1)
    restores = iter([True])

    def step(state: LoopState) -> None:
        if next(restores, False):
            operator(early)
        state.finish(state.cycle)

    assert run_loop(step, manager=manager).result == 1


def test_a_live_loop_that_is_told_to_retry_does_the_newest_cycle_again(
    manager: CheckpointManager, operator: Operator
) -> None:
    tries: list[str] = []

    def step(state: LoopState) -> None:
        action = state.pending_actions.pop(0)
        state.completed_actions.append(action)
        tries.append(action)
        if tries == ["a", "b"]:
            head = manager.history()[0]
            operator(head.id, Strategy.RETRY_CURRENT_STEP)

    state = LoopState(pending_actions=list("abc"))
    ended = run_loop(step, manager=manager, state=state, max_cycles=3)
    assert "".join(ended.state.completed_actions) == "abc"


def test_a_directive_that_cannot_be_carried_out_is_noted_and_ends_no_agent(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 2), Strategy.RESTORE_CHECKPOINT, checkpoint_id="nothing")
    assert done_next(manager) == "abc"
    notes = [r.metadata["directive"] for r in manager.history() if "directive" in r.metadata]
    assert "nothing" in notes[0]["refused"]


def test_a_limit_that_is_no_number_is_left_out(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 2), Strategy.MODIFY_PARAMETERS, max_cycles="many", tone="dry")
    assert done_next(manager) == "abc"
    assert manager.state["parameters"] == {"tone": "dry"}


def test_an_operation_within_an_iteration_is_no_place_to_restart_it(
    manager: CheckpointManager, operator: Operator
) -> None:
    def step(state: LoopState) -> None:
        if state.cycle % 2 == 0:
            state.begin_iteration()
        with manager.operation("pay"):
            state.completed_actions.append(state.pending_actions.pop(0))

    state = LoopState(pending_actions=list("abcdef"))
    run_loop(step, manager=manager, state=state, max_cycles=4)
    operator(manager.history()[0].id, Strategy.RESTART_ITERATION)
    ended = run_loop(step, manager=manager, max_cycles=3)
    assert "".join(ended.state.completed_actions) == "abc"


def test_restore_checkpoint_alone_goes_back_to_the_newest_sound_one(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    left = iter([True])

    def step(state: LoopState) -> None:
        work(state)
        if next(left, False):
            operator(manager.history()[0].id, Strategy.RESTORE_CHECKPOINT)

    ended = run_loop(step, manager=manager, max_cycles=6)
    assert "".join(ended.state.completed_actions) == "abcdef"
    assert ended.cycles == 3


def test_without_a_generation_the_newest_cycle_is_done_again(
    manager: CheckpointManager, operator: Operator
) -> None:
    left = iter([True])

    def step(state: LoopState) -> None:
        state.completed_actions.append(state.pending_actions.pop(0))
        if state.cycle == 2 and next(left, False):
            operator(manager.history()[0].id, Strategy.RESTART_FROM_GENERATION)

    begin = LoopState(pending_actions=list("abc"))
    ended = run_loop(step, manager=manager, state=begin, max_cycles=3)
    assert ("".join(ended.state.completed_actions), ended.cycles) == ("abc", 4)


def test_a_head_that_moved_in_another_thread_is_the_steps_own_error(
    manager: CheckpointManager, operator: Operator
) -> None:
    five(manager)
    operator(at_cycle(manager, 2))
    calls: list[int] = []

    def step(state: LoopState) -> None:
        calls.append(state.cycle)
        raise HeadMoved("an inner agent's", expected="elsewhere", actual=None)

    with pytest.raises(HeadMoved, match="an inner agent's"):
        run_loop(step, manager=manager)
    assert calls == [2]
    assert manager.history()[0].kind is Kind.RECOVERY
