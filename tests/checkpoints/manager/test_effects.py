"""What is done outside is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from checkpoints import CheckpointManager, Store
from checkpoints.lineage import plan_restore

Reopened = Callable[[], CheckpointManager]


def test_an_effect_is_recorded_once_and_its_first_result_stands(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    head = manager.create_checkpoint(state={})
    first = manager.record_effect("send_mail", "order-17", {"message": ("id", 7)})
    again = reopened().record_effect("send_mail", "order-17", "another")
    assert again == first
    assert (first.result, first.checkpoint_id) == ({"message": ("id", 7)}, head.id)
    assert manager.effects() == [first]


def test_the_block_tells_whether_it_was_done(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    sent = []
    for run in (manager, reopened()):
        with run.effect("send_mail", "order-17") as effect:
            if not effect.done:
                sent.append("mail")
                effect.set_result(len(sent))
        assert effect.result == 1
    assert sent == ["mail"]


def test_a_run_that_died_in_the_middle_leaves_it_uncertain(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    with pytest.raises(ZeroDivisionError), manager.effect("pay", "order-17"):
        raise ZeroDivisionError
    with reopened().effect("pay", "order-17") as effect:
        assert (effect.done, effect.uncertain) == (False, True)


def test_what_certainly_was_not_done_is_no_longer_uncertain(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    with pytest.raises(ZeroDivisionError), manager.effect("pay", "order-17") as effect:
        effect.not_done()
        raise ZeroDivisionError
    with reopened().effect("pay", "order-17") as again:
        assert not again.uncertain


def test_a_restore_does_not_undo_an_effect(manager: CheckpointManager) -> None:
    before = manager.create_checkpoint(state={})
    manager.record_effect("pay", "order-17")
    manager.create_checkpoint(state={})
    manager.restore_checkpoint(before)
    with manager.effect("pay", "order-17") as effect:
        assert effect.done


def test_a_restores_plan_names_what_was_done_since(
    manager: CheckpointManager, store: Store
) -> None:
    manager.record_effect("greet", "customer-1")
    start = manager.create_checkpoint(state={})
    manager.record_effect("pay", "order-17")
    manager.create_checkpoint(state={})
    for number in range(6):
        manager.record_effect("mail", f"m-{number}")
    manager.create_checkpoint(state={})
    (warning,) = plan_restore(store, start).warnings
    assert "not undone: mail (m-0), mail (m-1)" in warning
    assert "and 2 more" in warning
    assert "greet" not in warning


def test_keys_that_begin_alike_are_apart(manager: CheckpointManager) -> None:
    manager.record_effect("pay", "order-17")
    with manager.effect("pay", "order-1") as effect:
        assert not effect.done


def test_two_threads_that_record_at_once_get_the_same_effect(manager: CheckpointManager) -> None:
    manager.create_checkpoint(state={})
    found: list[object] = []
    barrier = threading.Barrier(4)

    def record(number: int) -> None:
        barrier.wait()
        found.append(manager.record_effect("pay", "order-17", number))

    threads = [threading.Thread(target=record, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(effect == found[0] for effect in found)


def test_a_fork_knows_what_was_done_before_it(manager: CheckpointManager) -> None:
    start = manager.create_checkpoint(state={"n": 1})
    done = manager.record_effect("pay", "order-17", "receipt")
    other = manager.fork(start, "what-if")
    with other.effect("pay", "order-17") as effect:
        assert (effect.done, effect.result) == (True, done.result)
    other.record_effect("mail", "order-17")
    assert [effect.name for effect in manager.effects()] == ["pay"]
