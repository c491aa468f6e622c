"""Saves of which it is not known whether they were kept, and what comes after them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence

import pytest

from checkpoints import (
    Checkpoint,
    CheckpointManager,
    Draft,
    HeadMoved,
    PlanRefused,
    State,
    Status,
    Store,
    StoreError,
    TransientStoreError,
    UnsupportedState,
)
from checkpoints.stores.decorators.wrapping import WrappingStore
from checkpoints.testing import FaultyStore
from tests.checkpoints.dashboards import until

Reopened = Callable[[], CheckpointManager]
LOST = TransientStoreError("the answer was lost")


class Partial(WrappingStore):
    """Keeps the first of several and then fails, as a store without transactions may."""

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        super().put_many(drafts[:1], expected_head=expected_head)
        raise TransientStoreError("cut short")


class Interrupted(WrappingStore):
    """Ctrl-C comes as soon as the first save is kept."""

    interrupts = True

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        saved = super().put(draft, state, expected_head=expected_head)
        if self.interrupts:
            self.interrupts = False
            raise KeyboardInterrupt
        return saved


def numbers(manager: CheckpointManager) -> list[int]:
    """Return the number in each state of the head's lineage, newest first."""
    records = manager.history()
    assert [record.parent_id for record in records[:-1]] == [record.id for record in records[1:]]
    assert [record.step for record in records] == list(range(len(records), 0, -1))
    return [manager.load(record)["n"] for record in records]


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_save_whose_answer_was_lost_is_followed_by_the_next(
    store: Store, durability: str
) -> None:
    faulty = FaultyStore(store)
    manager = CheckpointManager("agent-1", store=faulty, durability=durability)  # type: ignore[arg-type]
    faulty.fail("put", "put_many", error=LOST, times=1, after=True)
    with pytest.raises(TransientStoreError):
        manager.create_checkpoint(state={"n": 1})
        manager.flush()
    manager.create_checkpoint(state={"n": 2})
    manager.flush()
    assert numbers(manager) == [2, 1]


def test_what_was_kept_although_its_answer_was_lost_is_told_to_hooks(store: Store) -> None:
    faulty = FaultyStore(store)
    manager = CheckpointManager("agent-1", store=faulty)
    seen: list[object] = []
    manager.hooks.register("after_save", lambda context: seen.append(context.step))
    faulty.fail("put", error=LOST, times=1, after=True)
    with pytest.raises(TransientStoreError):
        manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": 2})
    assert seen == [1, 2]


def test_a_save_that_was_not_kept_is_not_followed(store: Store) -> None:
    faulty = FaultyStore(store)
    manager = CheckpointManager("agent-1", store=faulty)
    manager.create_checkpoint(state={"n": 1})
    faulty.fail("put", "head", error=LOST)
    for _ in range(2):
        with pytest.raises(TransientStoreError):
            manager.create_checkpoint(state={"n": 0})
    faulty.heal()
    manager.create_checkpoint(state={"n": 2})
    assert numbers(manager) == [2, 1]


def test_a_doubt_does_not_hide_that_somebody_else_moved_the_head(
    store: Store, reopened: Reopened
) -> None:
    faulty = FaultyStore(store)
    manager = CheckpointManager("agent-1", store=faulty)
    first = manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": 2})
    faulty.fail("put", error=LOST, times=1)
    with pytest.raises(TransientStoreError):
        manager.create_checkpoint(state={"n": 3})
    reopened().restore_checkpoint(first)
    for _ in range(2):
        with pytest.raises(HeadMoved):
            manager.create_checkpoint(state={"n": 4})
    assert manager.resume() == {"n": 1}


def test_saves_in_the_background_that_partly_landed_are_gone_on_from(store: Store) -> None:
    faulty = FaultyStore(Partial(store))
    manager = CheckpointManager("agent-1", store=faulty, durability="async")
    with pytest.raises(TransientStoreError):
        manager.create_checkpoint(state={"n": 1})
        manager.flush()
    other = CheckpointManager("agent-1", store=store)
    assert numbers(other) == [1]
    with pytest.raises(TransientStoreError):
        manager.create_checkpoint(state={"n": 2})
        manager.flush()
    assert numbers(other) == [2, 1]


def test_a_state_that_is_refused_in_the_background_breaks_no_chain(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=store, durability="async")
    for n in range(1, 30):
        manager.create_checkpoint(state={"n": n})
        with pytest.raises(UnsupportedState):
            manager.create_checkpoint(state={"bad": object()})
    manager.flush()
    assert numbers(manager) == list(range(29, 0, -1))


def test_a_state_that_is_refused_in_a_batch_breaks_no_chain(manager: CheckpointManager) -> None:
    with manager.batch():
        for n in range(1, 4):
            manager.create_checkpoint(state={"n": n})
            with pytest.raises(UnsupportedState):
                manager.create_checkpoint(state={"bad": object()})
    assert numbers(manager) == [3, 2, 1]


def test_an_interrupt_just_after_a_save_was_kept_leaves_the_run_interrupted(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=Interrupted(store))
    manager.state["n"] = 1
    with pytest.raises(KeyboardInterrupt), manager.run():
        manager.create_checkpoint()
    newest, kept = manager.history()
    assert newest.status is Status.INTERRUPTED
    assert newest.parent_id == kept.id


def test_an_interrupt_while_a_batch_is_saved_does_not_stop_later_saves(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=store)
    manager.create_checkpoint(state={"n": 1})
    with pytest.raises(KeyboardInterrupt), manager.batch():
        manager.create_checkpoint(state={"n": 2})
        raise KeyboardInterrupt
    manager.create_checkpoint(state={"n": 2})
    assert numbers(manager) == [2, 1]


def test_a_handler_that_saves_in_the_middle_of_a_save_is_refused(store: Store) -> None:
    refused: list[object] = []

    class Signalled(WrappingStore):
        def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
            if not refused:
                signal.raise_signal(signal.SIGUSR1)
            return super().put(draft, state, expected_head=expected_head)

    manager = CheckpointManager("agent-1", store=Signalled(store))

    def save(*_: object) -> None:
        with pytest.raises(PlanRefused, match="within another"):
            manager.create_checkpoint(state={"n": 0})
        refused.append(True)

    before = signal.signal(signal.SIGUSR1, save)
    try:
        manager.create_checkpoint(state={"n": 1})
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert refused
    assert numbers(manager) == [1]


def test_a_capture_that_saves_itself_makes_no_branch(store: Store) -> None:
    def capture() -> dict[str, int]:
        manager.create_checkpoint(state={"n": 1})
        return {"n": 2}

    manager = CheckpointManager("agent-1", store=store, capture=capture)
    manager.create_checkpoint()
    assert numbers(manager) == [2, 1]


def test_a_resume_that_fails_leaves_the_manager_where_it_was(
    store: Store, reopened: Reopened
) -> None:
    def apply(_state: object) -> None:
        raise ZeroDivisionError

    manager = CheckpointManager("agent-1", store=store, apply=apply)
    manager.create_checkpoint(state={"n": 1})
    reopened().create_checkpoint(state={"n": "other"})
    for _ in range(2):
        with pytest.raises(HeadMoved):
            manager.create_checkpoint(state={"n": 2})
        with pytest.raises(ZeroDivisionError):
            manager.resume()
    assert manager.resume_stats().failed == 2


def test_without_threads_saves_and_notes_are_made_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the interpreter ends, or the system allows no more threads."""
    manager = CheckpointManager("agent-1", store=store, durability="async")

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    manager.create_checkpoint(state={"n": 1})
    assert store.head("agent-1", "main")
    assert manager.resume() == {"n": 1}
    manager.create_checkpoint(state={"n": 2})
    manager.flush()
    assert manager.resume_stats().succeeded == 1
    manager.close()
    assert numbers(manager) == [2, 1]


def test_a_store_that_hangs_does_not_keep_a_manager_from_closing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkpoints.manager.journal.CLOSE_SECONDS", 0.05)
    let_go = threading.Event()

    class Hanging(WrappingStore):
        def record(self, *_: object, **__: object) -> int:
            let_go.wait(20)
            raise StoreError("gone")

    manager = CheckpointManager("agent-1", store=Hanging(store))
    manager.create_checkpoint(state={"n": 1})
    manager.resume()
    manager.close()
    manager.create_checkpoint(state={"n": 2})
    let_go.set()
    assert numbers(manager) == [2, 1]


def test_a_manager_that_was_closed_can_be_used_and_closed_again(tmp_path: object) -> None:
    manager = CheckpointManager("agent-1", store=f"file:///{tmp_path}/store", durability="async")
    for n in (1, 2):
        manager.create_checkpoint(state={"n": n})
        manager.close()
        manager.close()
    assert numbers(manager) == [2, 1]


def test_an_interrupt_as_a_batch_begins_leaves_none_open(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = CheckpointManager("agent-1", store=store)
    begin = manager._begin_batch

    def interrupted(owner: object) -> None:
        begin(owner)
        raise KeyboardInterrupt

    monkeypatch.setattr(manager, "_begin_batch", interrupted)
    with pytest.raises(KeyboardInterrupt), manager.batch():
        pytest.fail("it began")
    manager.create_checkpoint(state={"n": 1})
    assert numbers(manager) == [1]


def test_an_interrupt_as_the_thread_starts_leaves_one_that_serves(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = CheckpointManager("agent-1", store=store, durability="async")
    before = savers()
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        manager.create_checkpoint(state={"n": 1})
    for n in (2, 3):
        manager.create_checkpoint(state={"n": n})
    manager.close()
    assert numbers(manager) == [3, 2, 1]
    until(lambda: not savers() - before)


def savers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "holdfast-saver"}
