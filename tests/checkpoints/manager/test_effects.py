"""What is done outside is done once."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from checkpoints import (
    CheckpointManager,
    JournalEntry,
    Store,
    StoreError,
    TransientStoreError,
    UnsupportedState,
    open_store,
)
from checkpoints.lineage import plan_restore, restore
from checkpoints.stores.decorators import FallbackStore
from checkpoints.stores.decorators.wrapping import WrappingStore
from checkpoints.testing import NOON, FaultyStore

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


def test_a_damaged_effect_keeps_nobody_from_restoring(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/agents.db")
    with CheckpointManager("agent-1", store=store) as manager:  # type: ignore[arg-type]
        start = manager.create_checkpoint(state={"n": 1})
        manager.record_effect("pay", "order-17")
        manager.create_checkpoint(state={"n": 2})
    with contextlib.closing(sqlite3.connect(tmp_path / "agents.db")) as file, file:
        file.execute("UPDATE entries SET body = X'00'")
    plan = plan_restore(store, start)
    (warning,) = plan.warnings
    assert warning.startswith("What was done outside since then cannot be told")
    restore(store, plan, written_ids=[], operation_id="o-1", reason="astray", now=NOON)
    with CheckpointManager("agent-1", store=f"sqlite:///{tmp_path}/agents.db") as again:
        assert again.resume() == {"n": 1}


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


def test_effects_of_two_names_may_share_a_key(manager: CheckpointManager) -> None:
    manager.record_effect("pay", "order-17")
    with manager.effect("mail", "order-17") as effect:
        assert not effect.done
    assert [(each.name, each.key) for each in manager.effects()] == [
        ("pay", "order-17"),
        ("mail", "order-17"),
    ]


@pytest.mark.parametrize(
    ("one", "other"), [(("a:b", "c"), ("a", "b:c")), (("a", "x" * 5000), ("a", "x" * 5001))]
)
def test_names_and_keys_of_any_form_and_length_stay_apart(
    manager: CheckpointManager, one: tuple[str, str], other: tuple[str, str]
) -> None:
    manager.record_effect(*one, "first")
    with manager.effect(*other) as effect:
        assert not effect.done
    with manager.effect(*one) as effect:
        assert (effect.done, effect.result) == (True, "first")
    assert [(each.name, each.key) for each in manager.effects()] == [one, other]


def test_what_was_not_done_is_not_recorded_when_its_block_ends_well(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    with manager.effect("pay", "order-17") as effect:
        effect.not_done()
    assert manager.effects() == []
    with reopened().effect("pay", "order-17") as again:
        assert (again.done, again.uncertain) == (False, False)


def test_an_effect_that_ends_while_another_begins_it_is_done(store: Store) -> None:
    class Slow(WrappingStore):
        """Another run begins and ends the effect between two looks of this one."""

        def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
            if entries[0].kind == "effect_started":
                with CheckpointManager("agent-1", store=store).effect("pay", "1") as other:
                    other.set_result("by the other")
            return super().record(entries, replace=replace)

    with CheckpointManager("agent-1", store=Slow(store)).effect("pay", "1") as effect:
        assert (effect.done, effect.uncertain, effect.result) == (True, False, "by the other")


def test_an_effect_needs_no_checkpoint(manager: CheckpointManager) -> None:
    assert manager.record_effect("pay", "1").checkpoint_id is None


def test_a_result_that_cannot_be_kept_leaves_the_effect_uncertain(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    with pytest.raises(UnsupportedState), manager.effect("pay", "1") as effect:
        effect.set_result(object())
    with reopened().effect("pay", "1") as again:
        assert (again.done, again.uncertain) == (False, True)


def test_while_a_store_is_away_an_effect_is_not_taken_for_undone(
    store: Store, tmp_path: Path
) -> None:
    faulty = FaultyStore(store)
    aside = open_store(f"sqlite:///{tmp_path}/aside.db")
    assert isinstance(aside, Store)
    manager = CheckpointManager("agent-1", store=FallbackStore(faulty, aside))
    manager.record_effect("pay", "1")
    away = TransientStoreError("away")
    faulty.fail("record", "entries", "put", "head", "history", "get", "forget", error=away)
    with pytest.raises(TransientStoreError), manager.effect("pay", "1"):
        pytest.fail("it was done")
    faulty.heal()
    with manager.effect("pay", "1") as effect:
        assert effect.done
    aside.close()


def test_a_fork_that_is_cut_short_leaves_no_thread_that_would_do_it_again(store: Store) -> None:
    faulty = FaultyStore(store)
    manager = CheckpointManager("agent-1", store=faulty)
    start = manager.create_checkpoint(state={})
    manager.record_effect("pay", "1")
    faulty.fail("record", error=StoreError("full"))
    with pytest.raises(StoreError):
        manager.fork(start, "what-if")
    assert store.head("agent-1", "what-if") is None
    faulty.heal()
    with manager.fork(start, "what-if").effect("pay", "1") as effect:
        assert effect.done
