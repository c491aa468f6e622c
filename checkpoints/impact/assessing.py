"""What a restore means, told from its plan, two states, a history and what was done outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from checkpoints.diffs import Change, ChangeKind, diff_states
from checkpoints.impact.texts import path_text, shortened
from checkpoints.impact.values import (
    DiffLine,
    Few,
    Impact,
    Interrupt,
    RepeatedEffect,
    Rerun,
    StateDiff,
    ToolCall,
    ToolCount,
)
from checkpoints.records import Checkpoint, Effect, RestorePlan, State, Status
from checkpoints.tool_uses import ToolUse, tool_counts, tool_uses

MOST: Final = 50
"""Entries that each list names unless told otherwise."""
_NO_STEPS = frozenset({"input", "__start__"})
"""What LangGraph calls the checkpoints that it saves when a run is begun."""


def impact_of(
    *,
    plan: RestorePlan,
    target_state: State | None,
    head_state: State | None,
    history: Sequence[Checkpoint],
    effects: Sequence[Effect] = (),
    states_since: Sequence[State] = (),
    interrupts: Sequence[Interrupt] | None = None,
    notes: Sequence[str] = (),
    most: int = MOST,
) -> Impact:
    """Say what carrying out a plan means.

    A state that is None could not be read. ``history`` is the thread's, ``states_since`` are
    states between target and head, oldest first: what the head has forgotten is found there.
    ``interrupts`` are the questions that were asked at the target; None where only its status can
    tell. ``notes`` are passed on. Each list names at most ``most``.
    """
    records = {(record.namespace, record.id): record for record in history}
    target = records.get((plan.targets[0].namespace, plan.targets[0].checkpoint_id))
    later = [s for s in (*states_since, head_state) if s is not None]
    return Impact(
        diff=_diff(head_state, target_state, most),
        next_steps=target.next_steps if target else (),
        reruns=Few.of(_reruns(plan, records), most),
        effects=Few.of(_repeated(plan, effects, history), most),
        tool_calls=Few.of(_calls(target_state, later), most).each(_call),
        tool_counts=Few.of(_counts(target_state, later), most),
        interrupts=Few.of(_asked_again(target, interrupts), most),
        notes=(*_notes(target_state, head_state), *notes),
    )


def _diff(head: State | None, target: State | None, most: int) -> StateDiff:
    if head is None or target is None:
        return StateDiff()
    changes = diff_states(head, target)
    kinds = Counter(change.kind for change in changes)
    return StateDiff(
        added=kinds[ChangeKind.ADDED],
        removed=kinds[ChangeKind.REMOVED],
        changed=kinds[ChangeKind.CHANGED],
        fields=tuple(dict.fromkeys(str(change.path[0]) for change in changes if change.path)),
        lines=Few.of(changes, most).each(_line),
    )


def _line(change: Change) -> DiffLine:
    return DiffLine(
        path=path_text(change.path),
        kind=change.kind,
        before=None if change.kind is ChangeKind.ADDED else shortened(change.before),
        after=None if change.kind is ChangeKind.REMOVED else shortened(change.after),
    )


def _reruns(plan: RestorePlan, records: dict[tuple[str, str], Checkpoint]) -> Iterator[Rerun]:
    """Yield the steps that the superseded checkpoints were saved after; else what a plan names."""
    namespace = plan.targets[0].namespace
    left = [records.get((namespace, name)) for name in reversed(plan.superseded)]
    for record in left:
        if record is not None and record.step_name not in _NO_STEPS:
            yield Rerun(
                name=record.step_name or f"step {record.step}",
                checkpoint_id=record.id,
                step=record.step,
                taken_at=record.created_at,
            )
    if not any(left):
        yield from (Rerun(name=name) for name in plan.rerun_steps)


def _repeated(
    plan: RestorePlan, effects: Sequence[Effect], history: Sequence[Checkpoint]
) -> Iterator[RepeatedEffect]:
    """Yield what was done at the target or after it, in the order in which it was done.

    Where the checkpoint that it was done at was pruned, its time decides.
    """
    since = {plan.targets[0].checkpoint_id, *plan.superseded}
    known = {record.id for record in history}
    saved_at = next((r.created_at for r in history if r.id == plan.targets[0].checkpoint_id), None)
    for effect in sorted(effects, key=lambda effect: effect.recorded_at):
        lost = effect.checkpoint_id is not None and effect.checkpoint_id not in known
        if effect.checkpoint_id in since or (lost and saved_at and effect.recorded_at > saved_at):
            yield _effect(effect)


def _effect(effect: Effect) -> RepeatedEffect:
    return RepeatedEffect(
        name=effect.name,
        key=effect.key,
        done_at=effect.recorded_at,
        checkpoint_id=effect.checkpoint_id,
        result=None if effect.result is None else shortened(effect.result),
    )


def _calls(target: State | None, later: Sequence[State]) -> Iterator[tuple[ToolUse, bool]]:
    """Yield those that wait for a result at the target (True), then those that were made since."""
    before = tool_uses(target) if target is not None else []
    since: dict[tuple[str, ...], ToolUse] = {}
    for state in later:
        for use in tool_uses(state):
            if use.key not in since or use.has_result:
                since[use.key] = use
    for use in _pending(before):
        yield since.get(use.key, use), True
    known = {use.key for use in before}
    yield from ((use, False) for key, use in since.items() if key not in known)


def _pending(uses: Sequence[ToolUse]) -> Sequence[ToolUse]:
    """Return the calls without a result at the end; an agent has gone on from earlier ones."""
    answered = [place for place, use in enumerate(uses) if use.has_result]
    return uses[answered[-1] + 1 if answered else 0 :]


def _call(called: tuple[ToolUse, bool]) -> ToolCall:
    use, is_pending = called
    return ToolCall(
        name=use.name,
        arguments=shortened(use.arguments),
        has_result=use.has_result,
        is_pending=is_pending,
        call_id=use.call_id,
    )


def _counts(target: State | None, later: Sequence[State]) -> Iterator[ToolCount]:
    before = tool_counts(target)
    after: dict[str, int] = {}
    for state in later:
        after |= {n: max(count, after.get(n, 0)) for n, count in tool_counts(state).items()}
    for name, count in after.items():
        if count > before.get(name, 0):
            yield ToolCount(name=name, times=count - before.get(name, 0))


def _asked_again(
    target: Checkpoint | None, interrupts: Sequence[Interrupt] | None
) -> Iterator[Interrupt]:
    if interrupts is not None:
        yield from interrupts
    elif target is not None and target.status is Status.WAITING:
        yield from (Interrupt(step=step) for step in target.next_steps or (None,))


def _notes(target: State | None, head: State | None) -> Iterator[str]:
    if target is None:
        yield "the state of the checkpoint could not be read: what it holds cannot be told"
    if head is None:
        yield "the state of the head could not be read: what was done since cannot be told"
