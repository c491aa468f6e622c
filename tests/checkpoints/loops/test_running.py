"""Plain loops: what they save, resume from, and end with."""

from __future__ import annotations

import asyncio
import logging

import pytest

from checkpoints import Checkpoint, CheckpointManager, HeadMoved, Kind, Status
from checkpoints.errors import CheckpointError, StoreError, TransientStoreError, UnsupportedState
from checkpoints.loops import LoopState, Stop, run_loop
from checkpoints.loops.running import Step
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import FaultyStore


def remember(state: LoopState) -> None:
    """Do a cycle's work."""
    state.memory[f"cycle {state.cycle + 1}"] = True


def until(last: int, result: object = None) -> Step:
    """Return a step that finishes in its n-th cycle."""

    def step(state: LoopState) -> None:
        remember(state)
        if state.cycle + 1 == last:
            state.finish(result)

    return step


def statuses(manager: CheckpointManager) -> list[Status]:
    return [record.status for record in reversed(manager.history())]


def test_it_begins_with_the_given_state_and_ends_with_what_finish_was_given(
    manager: CheckpointManager,
) -> None:
    state = LoopState(plan=["read", "answer"], custom={"tone": "dry"})
    ended = run_loop(until(3, {"answer": 42}), manager=manager, state=state)
    assert (ended.status, ended.reason, ended.result) == ("completed", "finished", {"answer": 42})
    assert (ended.cycles, ended.state.cycle, ended.state.plan) == (3, 3, ["read", "answer"])
    assert ended.resumed_from is None


def test_every_checkpoint_says_the_status_and_the_last_one_is_final(
    manager: CheckpointManager,
) -> None:
    run_loop(until(3), manager=manager)
    assert statuses(manager) == ["running", "running", "completed"]
    assert [record.step for record in manager.history()] == [3, 2, 1]


def test_everything_that_the_original_loses_is_in_the_checkpoint(
    manager: CheckpointManager,
) -> None:
    def step(state: LoopState) -> None:
        state.conversation.append({"role": "user", "content": "hello"})
        state.plan.append("greet")
        state.memory["name"] = "Ada"
        state.pending_actions.append("wave")
        state.completed_actions.append("bow")
        state.custom["mood"] = "good"
        state.budget.charge(0.25)
        state.finish()

    run_loop(step, manager=manager)
    resumed = run_loop(step, manager=CheckpointManager("agent-1", store=manager.store)).state
    assert resumed.conversation == [{"role": "user", "content": "hello"}]
    assert (resumed.plan, resumed.memory, resumed.custom) == (
        ["greet"],
        {"name": "Ada"},
        {"mood": "good"},
    )
    assert (resumed.pending_actions, resumed.completed_actions) == (["wave"], ["bow"])
    assert resumed.budget.spent_usd == 0.25


def test_it_goes_on_from_the_head(store: MemoryStore, manager: CheckpointManager) -> None:
    first = run_loop(remember, manager=manager, max_cycles=2)
    assert (first.status, first.reason) == ("interrupted", "max_cycles")
    again = CheckpointManager("agent-1", store=store, checkpoint_frequency=1)
    second = run_loop(remember, manager=again, max_cycles=5)
    assert first.checkpoint is not None
    assert second.resumed_from == first.checkpoint.id
    assert (second.cycles, second.state.cycle, len(second.state.memory)) == (3, 5, 5)


def test_asked_not_to_resume_it_begins_anew_in_the_same_thread(
    manager: CheckpointManager,
) -> None:
    run_loop(remember, manager=manager, max_cycles=2)
    ended = run_loop(remember, manager=manager, max_cycles=1, resume=False)
    assert (ended.state.cycle, len(manager.history())) == (1, 3)


def test_what_was_finished_is_not_done_again(manager: CheckpointManager) -> None:
    run_loop(until(1, "done"), manager=manager)
    ended = run_loop(lambda _: pytest.fail("a step ran"), manager=manager)
    assert (ended.status, ended.result, ended.cycles) == ("completed", "done", 0)
    assert len(manager.history()) == 1


def test_it_saves_as_often_as_the_managers_trigger_says(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store, checkpoint_frequency=5)
    run_loop(remember, manager=manager, max_cycles=12)
    assert [record.step for record in manager.history()] == [12, 10, 5]


def test_without_a_trigger_it_saves_every_cycle(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store)
    run_loop(remember, manager=manager, max_cycles=3)
    assert [record.step for record in manager.history()] == [3, 2, 1]


def test_coroutine_functions_are_steps_too(manager: CheckpointManager) -> None:
    loops = set()

    async def step(state: LoopState) -> None:
        await asyncio.sleep(0)
        loops.add(asyncio.get_running_loop())
        remember(state)

    ended = run_loop(step, manager=manager, max_cycles=3)
    assert (len(ended.state.memory), len(loops)) == (3, 1)


def test_within_an_event_loop_steps_run_on_that_loop(manager: CheckpointManager) -> None:
    async def main() -> tuple[set[object], LoopState]:
        loops: set[object] = set()

        async def step(state: LoopState) -> None:
            loops.add(asyncio.get_running_loop())
            remember(state)

        ended = await run_loop.aio(step, manager=manager, max_cycles=3)
        return loops - {asyncio.get_running_loop()}, ended.state

    others, state = asyncio.run(main())
    assert (others, state.cycle) == (set(), 3)


def test_the_blocking_form_within_an_event_loop_is_refused_and_not_hung(
    manager: CheckpointManager,
) -> None:
    async def step(state: LoopState) -> None:
        remember(state)

    async def main() -> None:
        run_loop(step, manager=manager, max_cycles=1)

    with pytest.raises(RuntimeError, match="await the .aio form"):
        asyncio.run(main())


def test_an_iterator_that_ends_in_a_step_does_not_hang_the_event_loop(
    manager: CheckpointManager,
) -> None:
    def step(_state: LoopState) -> None:
        next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration") as raised:
        asyncio.run(run_loop.aio(step, manager=manager))
    assert isinstance(raised.value.__cause__, StopIteration)
    assert statuses(manager) == [Status.FAILED]


@pytest.mark.parametrize("awaited", [True, False])
def test_a_step_that_is_cancelled_was_interrupted_and_has_not_failed(
    manager: CheckpointManager, awaited: bool
) -> None:
    async def step(_state: LoopState) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        if awaited:
            asyncio.run(run_loop.aio(step, manager=manager))
        else:
            run_loop(step, manager=manager)
    assert statuses(manager) == [Status.INTERRUPTED]


def test_one_state_can_begin_many_loops(store: MemoryStore) -> None:
    class Shopping(LoopState):
        def take(self) -> object:
            return self.pending_actions.pop(0)

    def step(state: LoopState) -> None:
        assert isinstance(state, Shopping)
        state.take()
        if not state.pending_actions:
            state.finish("done")

    begins = Shopping(pending_actions=["bread", "tea"])
    for agent, resume in [("agent-1", True), ("agent-2", True), ("agent-2", False)]:
        manager = CheckpointManager(agent, store=store)
        ended = run_loop(step, manager=manager, state=begins, resume=resume)
        assert (ended.result, ended.cycles) == ("done", 2)
    assert begins.pending_actions == ["bread", "tea"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_cancelled_task_finishes_the_step_saves_and_is_cancelled(
    manager: CheckpointManager, times: int
) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def step(state: LoopState) -> None:
            begun.set()
            await asyncio.sleep(0.05)
            remember(state)

        task = asyncio.create_task(run_loop.aio(step, manager=manager))
        await begun.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        ended.append(manager.history()[0])

    ended: list[Checkpoint] = []
    asyncio.run(main())
    (head,) = ended
    assert (head.status, head.metadata["reason"]) == ("interrupted", "cancelled")
    assert len(manager.load(head)["memory"]) == 1


def test_an_error_is_the_agents_own_after_a_recovery_checkpoint(
    manager: CheckpointManager,
) -> None:
    def step(state: LoopState) -> None:
        remember(state)
        if state.cycle == 2:
            raise KeyError("the tool's answer")

    with pytest.raises(KeyError, match="the tool's answer"):
        run_loop(step, manager=manager)
    head = manager.history()[0]
    assert (head.kind, head.status, head.step) == (Kind.RECOVERY, "failed", 3)
    assert head.metadata["error"]["type"] == "KeyError"


def test_a_step_that_raises_is_undone_and_done_again_when_resumed(
    manager: CheckpointManager,
) -> None:
    raises = iter([False, True, False])

    def step(state: LoopState) -> None:
        state.conversation.append(f"question {state.cycle + 1}")
        if next(raises):
            raise TimeoutError

    with pytest.raises(TimeoutError):
        run_loop(step, manager=manager)
    ended = run_loop(step, manager=manager, max_cycles=2)
    assert ended.state.conversation == ["question 1", "question 2"]


def test_an_error_is_not_masked_by_a_store_that_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FaultyStore(MemoryStore())

    def step(state: LoopState) -> None:
        store.fail("put", error=TransientStoreError("away"))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), caplog.at_level(logging.ERROR):
        run_loop(step, manager=CheckpointManager("agent-1", store=store))
    assert "was not saved" in caplog.text


def test_a_save_that_fails_is_told_and_the_finished_cycle_is_not_undone() -> None:
    store = FaultyStore(MemoryStore())
    manager = CheckpointManager("agent-1", store=store, checkpoint_frequency=1)

    def step(state: LoopState) -> None:
        remember(state)
        if state.cycle == 1:
            store.fail("put", error=TransientStoreError("away"), times=1)

    with pytest.raises(StoreError):
        run_loop(step, manager=manager)
    assert len(manager.load(manager.history()[0])["memory"]) == 2


def test_a_state_that_cannot_be_kept_ends_the_loop_with_its_path_and_keeps_what_was(
    manager: CheckpointManager,
) -> None:
    def step(state: LoopState) -> None:
        state.memory["socket" if state.cycle else "text"] = object() if state.cycle else "fine"

    with pytest.raises(UnsupportedState, match="socket"):
        run_loop(step, manager=manager)
    assert manager.load(manager.history()[0])["memory"] == {"text": "fine"}


def test_a_manager_that_captures_something_else_is_refused(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store, capture=lambda: {"mine": 1})
    with pytest.raises(ValueError, match=r"state\.custom"):
        run_loop(remember, manager=manager)


def test_a_head_that_no_loop_saved_is_refused_and_left(manager: CheckpointManager) -> None:
    manager.create_checkpoint(state={"plan": "a text"})
    with pytest.raises(CheckpointError, match="plan is a str, a list was expected"):
        run_loop(remember, manager=manager)
    assert len(manager.history()) == 1


def test_fields_that_older_code_did_not_save_are_added(manager: CheckpointManager) -> None:
    manager.create_checkpoint(state={"cycle": 4, "memory": {"a": 1}, "mine": [1]})
    ended = run_loop(remember, manager=manager, max_cycles=5)
    assert (ended.cycles, ended.state.memory["a"], ended.state.values["mine"]) == (1, 1, [1])


def test_a_second_process_on_the_thread_ends_the_first(
    store: MemoryStore, manager: CheckpointManager
) -> None:
    second = CheckpointManager("agent-1", store=store)

    def step(state: LoopState) -> None:
        if state.cycle == 1:
            second.resume()
            second.create_checkpoint()

    with pytest.raises(HeadMoved):
        run_loop(step, manager=manager)
    assert manager.history()[0].run_id == second.run_id


def test_an_operation_within_a_step_is_saved_before_it_and_let_go_after(
    manager: CheckpointManager,
) -> None:
    def step(state: LoopState) -> None:
        remember(state)
        with manager.operation("pay") as before:
            assert manager.load(before)["memory"] == {"cycle 1": True}
            assert before.kind is Kind.PRE_OPERATION
        state.finish()

    run_loop(step, manager=manager)
    assert [record.kind for record in manager.history()] == [Kind.ROUTINE]


def test_somebody_else_may_ask_it_to_stop(manager: CheckpointManager) -> None:
    stop = Stop()

    def step(state: LoopState) -> None:
        if state.cycle == 1:
            stop.ask("the shop closes")

    ended = run_loop(step, manager=manager, stop=stop)
    assert (ended.status, ended.reason, ended.cycles) == ("interrupted", "the shop closes", 2)


def test_the_operational_context_of_a_subclass_is_in_the_checkpoint(store: MemoryStore) -> None:
    class Custom(CheckpointManager):
        def _get_operational_context(self) -> dict[str, object]:
            return {"region": "north"}

    manager = Custom("agent-1", store=store)
    run_loop(until(1), manager=manager)
    assert manager.load(manager.history()[0])["operational_context"] == {"region": "north"}


def test_a_step_may_restore_a_checkpoint_itself(manager: CheckpointManager) -> None:
    restores = iter([True])

    def step(state: LoopState) -> None:
        remember(state)
        if state.cycle == 3 and next(restores, False):
            manager.restore_checkpoint(manager.history()[-1])

    ended = run_loop(step, manager=manager, max_cycles=5)
    assert (ended.cycles, ended.state.cycle, len(ended.state.memory)) == (7, 5, 5)


def test_a_step_that_replaces_the_managers_state_is_told(manager: CheckpointManager) -> None:
    def step(state: LoopState) -> None:
        manager.state = {"mine": 1}

    with pytest.raises(ValueError, match=r"state\.custom"):
        run_loop(step, manager=manager)


def test_saves_in_the_background_are_durable_when_it_ends(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store, durability="async")
    ended = run_loop(remember, manager=manager, max_cycles=300)
    head = store.head("agent-1", "main")
    assert head is not None
    assert ended.checkpoint is not None
    assert head.checkpoint_id == ended.checkpoint.id
    assert len(store.history("agent-1", "main")) == 300


def test_a_run_that_was_killed_before_it_said_how_it_ends_says_so_when_resumed(
    store: MemoryStore, manager: CheckpointManager
) -> None:
    def step(state: LoopState) -> None:
        state.finish("done")
        manager.create_checkpoint()
        raise SystemExit

    manager.fail = lambda *_args, **_more: None  # type: ignore[assignment]
    with pytest.raises(SystemExit):
        run_loop(step, manager=manager)
    ended = run_loop(step, manager=CheckpointManager("agent-1", store=store))
    assert (ended.result, ended.cycles) == ("done", 0)
    assert statuses(manager) == [Status.RUNNING, Status.COMPLETED]
