"""What hooks see of a manager's saves, and what they can do to them."""

from __future__ import annotations

import threading
from typing import Literal

import pytest

from checkpoints import (
    CheckpointGroup,
    CheckpointManager,
    HookContext,
    HookEvent,
    HookManager,
    HookResult,
    SaveVetoed,
    Store,
)


@pytest.fixture
def hooks() -> HookManager:
    return HookManager(timeout=2)


@pytest.fixture
def manager(store: Store, hooks: HookManager) -> CheckpointManager:
    return CheckpointManager("agent-1", store=store, hooks=hooks)


def test_a_veto_leaves_nothing_saved_and_is_noted(
    manager: CheckpointManager, hooks: HookManager
) -> None:
    @hooks.on("before_save")
    def no_secrets(context: HookContext) -> HookResult | None:
        return HookResult(veto="it holds a key") if "key" in (context.state or {}) else None

    with pytest.raises(SaveVetoed, match="it holds a key; nothing was saved"):
        manager.create_checkpoint(state={"key": "sk-1"})
    assert manager.history() == []
    (note,) = manager.journal()
    assert (note.data["what"], note.data["reason"]) == ("vetoed", "it holds a key")
    assert manager.create_checkpoint(state={"n": 1}).step == 1


def test_a_hook_may_change_what_is_saved_and_the_checkpoint_says_so(
    manager: CheckpointManager, hooks: HookManager
) -> None:
    @hooks.on(HookEvent.PRE_CHECKPOINT_SAVE)
    async def mask(context: HookContext) -> HookResult:
        return HookResult(state={**(context.state or {}), "key": "***"})

    saved = manager.create_checkpoint(state={"key": "sk-1"})
    assert manager.load(saved) == {"key": "***"}
    assert len(saved.metadata["changed_by"]) == 1
    assert "mask" in saved.metadata["changed_by"][0]


def test_what_a_hook_makes_of_a_state_that_cannot_be_kept_is_left_aside(
    manager: CheckpointManager, hooks: HookManager, caplog: pytest.LogCaptureFixture
) -> None:
    @hooks.on("before_save")
    def broken(context: HookContext) -> HookResult:
        return HookResult(state={**(context.state or {}), "o": object()})

    saved = manager.create_checkpoint(state={"n": 1})
    assert manager.load(saved) == {"n": 1}
    assert "changed_by" not in saved.metadata
    assert "broken made of the state cannot be kept" in caplog.text
    assert [note.data["what"] for note in manager.journal()] == ["hook_left_aside"]


def test_a_hook_that_empties_what_it_was_shown_empties_a_copy(
    manager: CheckpointManager, hooks: HookManager
) -> None:
    @hooks.on("before_save")
    def clear(context: HookContext) -> None:
        assert isinstance(context.state, dict)
        context.state.clear()

    manager.state = {"n": 1}
    assert manager.load(manager.create_checkpoint()) == {"n": 1}
    assert manager.state == {"n": 1}


def test_a_hook_that_raises_fails_no_save(
    manager: CheckpointManager, hooks: HookManager, caplog: pytest.LogCaptureFixture
) -> None:
    @hooks.on("before_save")
    @hooks.on("after_save")
    def broken(_context: HookContext) -> None:
        raise ZeroDivisionError

    assert manager.create_checkpoint(state={"n": 1}) in manager.history()
    assert "broken" in caplog.text


def test_a_hook_that_hangs_fails_no_save(manager: CheckpointManager, hooks: HookManager) -> None:
    let_go = threading.Event()

    def hang(_context: HookContext) -> None:
        let_go.wait(30)

    hooks.register("before_save", hang, timeout=0.05)
    try:
        assert manager.create_checkpoint(state={"n": 1}) in manager.history()
    finally:
        let_go.set()


def test_a_hook_after_a_save_may_save_itself(
    manager: CheckpointManager, hooks: HookManager
) -> None:
    @hooks.on("after_save")
    def mark(context: HookContext) -> None:
        if context.kind == "routine":
            manager.create_checkpoint("recovery", {"by": "hook"})

    manager.create_checkpoint(state={"n": 1})
    assert [record.kind for record in manager.history()] == ["recovery", "routine"]


def test_restores_and_drift_have_their_hooks(
    manager: CheckpointManager, hooks: HookManager
) -> None:
    seen: list[tuple[str, str | None]] = []

    def note(context: HookContext) -> None:
        assert context.checkpoint
        seen.append((context.event, context.checkpoint.id))

    hooks.register("on_restore", note)
    hooks.register("on_drift", note)
    first = manager.create_checkpoint(state={"memory": ["a"]})
    second = manager.create_checkpoint(state={"memory": []})
    assert manager.detect_drift()
    manager.restore_checkpoint(first)
    assert seen == [("on_drift", second.id), ("on_restore", first.id)]


@pytest.mark.parametrize("durability", ["sync", "async"])
@pytest.mark.parametrize("save", ["create", "if_due", "operation", "batch", "group", "restore"])
def test_a_hook_that_is_told_of_a_save_may_use_its_manager(
    store: Store, save: str, durability: Literal["sync", "async"]
) -> None:
    """It would hang until its timeout if the manager were still held."""
    manager = CheckpointManager(
        "agent-1", store=store, durability=durability, checkpoint_frequency=1
    )
    first = manager.create_checkpoint(state={})
    manager.flush()
    used: list[int] = []

    def use(_context: HookContext) -> None:
        manager.create_checkpoint(state={"by": "hook"})
        manager.flush()
        used.append(len(manager.history()))

    manager.hooks.register("on_restore" if save == "restore" else "after_save", use)
    if save == "create":
        manager.create_checkpoint()
    elif save == "if_due":
        manager.checkpoint_if_due()
    elif save == "operation":
        with manager.operation("deploy"):
            pass
    elif save == "batch":
        with manager.batch():
            manager.create_checkpoint()
    elif save == "group":
        CheckpointGroup([manager]).checkpoint()
    else:
        manager.restore_checkpoint(first)
    manager.flush()
    assert len(used) == 1


def test_threads_that_save_at_once_tell_of_each_save_once(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=store)
    told: list[str] = []

    @manager.hooks.on("after_save")
    def tell(context: HookContext) -> None:
        assert context.checkpoint
        told.append(context.checkpoint.id)

    def save() -> None:
        for _ in range(20):
            manager.create_checkpoint(state={})

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [record.id for record in manager.history()][::-1]


def test_a_hook_that_is_slow_does_not_hold_up_saves_in_the_background(store: Store) -> None:
    manager = CheckpointManager("agent-1", store=store, durability="async")
    let_go = threading.Event()

    def wait(_context: HookContext) -> None:
        let_go.wait(20)

    manager.hooks.register("after_save", wait, timeout=20)
    for n in range(3):
        saved = manager.create_checkpoint(state={"n": n})
    assert manager.load(saved) == {"n": 2}
    let_go.set()
    manager.close()
