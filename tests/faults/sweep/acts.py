"""The kinds of operations that are swept: what comes before each, and how it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import checkpoints
from dashboard.models import Operation, Thread
from dashboard.services import operations
from dashboard.services.operations import PruneOf, Scope
from tests.faults.sweep.worlds import World

DAY = 86_400
GRACE_DAYS = 8
POLICY = checkpoints.RetentionPolicy(newest=2)


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of operation. ``prepare`` is done in peace, ``ask`` leaves it waiting."""

    name: str
    capability: str
    ask: Callable[[World], Operation]
    prepare: Callable[[World], None] = lambda world: None


def restore_of(
    world: World, position: int, *, follow_live: bool = False, key: str = ""
) -> Operation:
    """Ask for the restore of a checkpoint by its position in the thread."""
    draft = operations.draft_restore(
        user=world.operator(),
        checkpoint_pk=world.row("main", position).pk,
        idempotency_key=key or uuid4().hex,
        now=world.clock(),
        follow_live=follow_live,
    )
    return world.confirm(draft)


def _restore(world: World) -> Operation:
    return restore_of(world, 2)


def _clicked_twice(world: World) -> Operation:
    """Ask for the same restore by two clicks of one button."""
    world.books.clicks, key = 1, uuid4().hex
    asked = [restore_of(world, 2, key=key) for _ in range(2)]
    return asked[0]


def _unapproved(world: World) -> Operation:
    """Ask for a restore that a second person has to approve."""
    project = world.source.project
    project.requires_approval = True
    project.save()
    return restore_of(world, 2)


def _restore_live(world: World) -> Operation:
    return restore_of(world, 2, follow_live=True)


def _fork(world: World, *edits: checkpoints.Edit) -> Operation:
    agent_id, thread_id = world.kind.forked
    draft = operations.draft_fork(
        user=world.operator(),
        checkpoint_pk=world.row("main", 2).pk,
        thread_id=thread_id,
        agent_id=agent_id,
        idempotency_key=uuid4().hex,
        now=world.clock(),
        edits=edits,
    )
    return world.confirm(draft)


def _edit_fork(world: World) -> Operation:
    return _fork(world, checkpoints.Edit(path=tuple(world.kind.edited), value=7))


def _threads(world: World) -> list[Thread]:
    names = set(world.kind.threads.values()) - {world.kind.threads["other"]}
    rows = Thread.objects.filter(agent__source=world.source).select_related("agent")
    return [row for row in rows.order_by("pk") if (row.agent.agent_id, row.thread_id) in names]


def _prune(world: World) -> Operation:
    wanted = [PruneOf(thread=thread, policy=POLICY) for thread in _threads(world)]
    draft = operations.draft_prune(
        user=world.operator(),
        scope=Scope(source=world.source),
        wanted=wanted,
        idempotency_key=uuid4().hex,
        now=world.clock(),
    )
    return world.confirm(draft)


def _prune_selected(world: World) -> Operation:
    row = world.row("main", 1)
    thread = Thread.objects.select_related("agent").get(pk=row.thread_id)
    selected = {row.checkpoint_id: "chosen", world.row("main", 3).checkpoint_id: "chosen"}
    draft = operations.draft_prune(
        user=world.operator(),
        scope=Scope(source=world.source, agent=thread.agent, thread=thread),
        wanted=[PruneOf(thread=thread, selected=selected)],
        idempotency_key=uuid4().hex,
        now=world.clock(),
    )
    return world.confirm(draft)


def _erase(world: World, **scope: str) -> Operation:
    draft = operations.draft_erase(
        user=world.operator(),
        source=world.source,
        idempotency_key=uuid4().hex,
        now=world.clock(),
        **scope,
    )
    return world.confirm(draft)


def _erase_thread(world: World) -> Operation:
    agent_id, thread_id = world.kind.threads["side"]
    return _erase(world, agent_id=agent_id, thread_id=thread_id)


def _erase_user(world: World) -> Operation:
    return _erase(world, user_id="anna")


def _verify(world: World) -> Operation:
    draft = operations.draft_verify(
        user=world.operator(),
        source=world.source,
        idempotency_key=uuid4().hex,
        now=world.clock(),
        deep=True,
    )
    return world.confirm(draft)


def _sweep(world: World) -> Operation:
    draft = operations.draft_sweep(
        user=world.operator(), source=world.source, idempotency_key=uuid4().hex, now=world.clock()
    )
    return world.confirm(draft)


def _done(world: World, ask: Callable[[World], Operation]) -> Operation:
    operation = ask(world)
    if not world.settle():
        raise AssertionError("it did not settle in peace")
    operation.refresh_from_db()
    if operation.state != "succeeded":
        raise AssertionError(f"in peace it is {operation.state}: {operation.message}")
    world.scan()
    return operation


def _restored(world: World) -> None:
    _done(world, _restore)


def _pruned(world: World) -> None:
    _done(world, _prune)


def _wait_for_sweeps(world: World) -> Operation:
    """Ask for a prune, after which the trash lies for some hours."""
    operation = _prune(world)
    world.books.waits = 4 * 3600
    return operation


def _due(world: World) -> None:
    _pruned(world)
    world.clock.pass_by(GRACE_DAYS * DAY)


def _due_twice(world: World) -> None:
    _due(world)
    _done(world, _sweep)
    world.clock.pass_by(2 * 3600)


def _undo(world: World) -> Operation:
    return world.undo(Operation.objects.order_by("created_at")[0])


ACTS = {
    act.name: act
    for act in (
        Act("restore", "restore", _restore),
        Act("double_click", "restore", _clicked_twice),
        Act("approval", "restore", _unapproved),
        Act("restore_live", "restore", _restore_live),
        Act("undo_restore", "restore", _undo, _restored),
        Act("fork", "fork", _fork),
        Act("edit_fork", "edit", _edit_fork),
        Act("prune", "prune", _prune),
        Act("prune_and_wait", "prune", _wait_for_sweeps),
        Act("prune_selected", "prune", _prune_selected),
        Act("undo_prune", "prune", _undo, _pruned),
        Act("erase_thread", "erase", _erase_thread),
        Act("erase_user", "erase", _erase_user),
        Act("verify", "", _verify),
        Act("first_sweep", "prune", _sweep, _due),
        Act("second_sweep", "prune", _sweep, _due_twice),
    )
}
