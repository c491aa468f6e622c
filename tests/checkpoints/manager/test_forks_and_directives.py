"""Threads, forks, and what an operator leaves for an agent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checkpoints import CheckpointManager, Directive, HeadMoved, PlanRefused, Store, Strategy
from checkpoints.testing import NOON

Reopened = Callable[[], CheckpointManager]


def test_a_fork_begins_at_its_checkpoint_and_leaves_the_thread_alone(
    manager: CheckpointManager,
) -> None:
    start = manager.create_checkpoint(state={"n": 1}, metadata={"who": "me"})
    manager.create_checkpoint(state={"n": 2})
    other = manager.fork(start, "what-if")
    assert other.resume() == {"n": 1}
    assert other.create_checkpoint(state={"n": 10}).step == 2
    assert manager.resume() == {"n": 2}
    first = other.history()[-1]
    assert first.metadata == {
        "who": "me",
        "forked_from": {"agent_id": "agent-1", "thread_id": "main", "checkpoint_id": start.id},
    }
    assert {thread.thread_id for thread in manager.threads()} == {"main", "what-if"}


def test_a_fork_into_a_thread_that_exists_is_refused(manager: CheckpointManager) -> None:
    start = manager.create_checkpoint(state={"n": 1})
    with pytest.raises(PlanRefused, match="nothing was written"):
        manager.fork(start, "main")


def test_threads_are_the_agents_own(manager: CheckpointManager, store: Store) -> None:
    manager.create_checkpoint(state={})
    CheckpointManager("agent-10", store=store).create_checkpoint(state={})
    assert [thread.agent_id for thread in manager.threads()] == ["agent-1"]


def leave(store: Store, manager: CheckpointManager, given: Directive) -> None:
    head = store.head("agent-1", "main")
    assert head
    store.set_head(
        store.get(head.checkpoint_id),
        expected=head.checkpoint_id,
        now=NOON,
        operation_id="op",
        directive=given,
    )


def test_a_running_agent_reads_a_directive_once_and_goes_on(
    manager: CheckpointManager, store: Store
) -> None:
    manager.create_checkpoint(state={"n": 1})
    assert manager.next_directive() is None
    given = Directive(strategy=Strategy.MODIFY_PARAMETERS, parameters={"temperature": 0.2})
    leave(store, manager, given)
    assert manager.next_directive() == given
    assert manager.next_directive() is None
    assert manager.create_checkpoint(state={"n": 2}).step == 2
    assert manager.next_directive() is None


def test_a_directive_with_a_restore_comes_with_the_resume(
    manager: CheckpointManager, store: Store
) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    second = manager.create_checkpoint(state={"n": 2})
    given = Directive(strategy=Strategy.RESTART_ITERATION)
    store.set_head(first, expected=second.id, now=NOON, operation_id="op", directive=given)
    with pytest.raises(HeadMoved):
        manager.next_directive()
    assert manager.resume() == {"n": 1}
    assert manager.directive == given


def test_a_second_process_with_the_same_thread_is_refused_and_loses_nothing(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    manager.create_checkpoint(state={"n": 1})
    second = reopened()
    second.resume()
    manager.create_checkpoint(state={"n": 2})
    with pytest.raises(HeadMoved, match="nothing was written"):
        second.create_checkpoint(state={"n": "other"})
    assert second.resume() == {"n": 2}
