"""Restoring in stores whose head can be moved: nothing is copied, nothing is lost."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime

from checkpoints.errors import CorruptCheckpoint, HeadMoved, PlanRefused
from checkpoints.records import (
    EFFECT,
    Capabilities,
    Checkpoint,
    Directive,
    Finding,
    Head,
    RestoreMode,
    RestorePlan,
    RestoreTarget,
    Status,
)
from checkpoints.stores.base import Store

EFFECTS_NAMED = 5
"""Effects that a plan's warning names; of the others it says how many."""


class RestoresByHead:
    """What all of Holdfast's own stores can do, and how they restore, given ``set_head``."""

    @property
    def capabilities(self) -> Capabilities:
        """Everything that this version offers."""
        return Capabilities(restore=True, fork=True, edit=True, prune=True, erase=True)

    def plan_restore(self: Store, checkpoint: Checkpoint) -> RestorePlan:
        """Say what restoring ``checkpoint`` would do now."""
        head = self.head(checkpoint.agent_id, checkpoint.thread_id)
        if head is not None and head.checkpoint_id == checkpoint.id:
            raise PlanRefused(f"{checkpoint.id} already is the head; there is nothing to restore")
        self.load(checkpoint)
        records = self.history(checkpoint.agent_id, checkpoint.thread_id)
        by_id = {record.id: record for record in records}
        left = left_behind(by_id, head.checkpoint_id if head else None, checkpoint.id)
        current = by_id.get(head.checkpoint_id) if head else None
        return RestorePlan(
            agent_id=checkpoint.agent_id,
            thread_id=checkpoint.thread_id,
            mode=RestoreMode.MOVE_HEAD,
            targets=(_target(checkpoint),),
            expected_head=head.checkpoint_id if head else None,
            expected_head_sha256=current.sha256 if current else None,
            superseded=tuple(record.id for record in left),
            rerun_steps=tuple(step_label(record) for record in reversed(left)),
            warnings=(
                *_warnings(by_id, head, checkpoint),
                *effects_since(self, checkpoint, {record.id for record in left}),
            ),
        )

    def choose_ids(self, plan: RestorePlan) -> tuple[str, ...]:
        """Return no ids: moving the head writes no checkpoint."""
        return ()

    def restore(
        self: Store,
        plan: RestorePlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
        directive: Directive | None = None,
    ) -> Head:
        """Move the head to the plan's target, once per operation."""
        done = self.head(plan.agent_id, plan.thread_id)
        if done is not None and done.operation_id == operation_id:
            return done
        target = self.get(plan.targets[0].checkpoint_id, thread_id=plan.thread_id)
        if target.sha256 != plan.targets[0].sha256:
            raise CorruptCheckpoint(
                f"{target.id} is not what the plan saw: its digest differs; nothing was changed",
                checkpoint_id=target.id,
            )
        self.load(target)
        return self.set_head(
            target,
            expected=plan.expected_head,
            now=now,
            operation_id=operation_id,
            reason=reason,
            directive=directive,
        )


def check_head(current: Head | None, expected: str | None) -> None:
    """Raise HeadMoved unless the head is the expected one."""
    actual = current.checkpoint_id if current else None
    if actual != expected:
        by = f" by operation {current.operation_id}" if current and current.operation_id else ""
        raise HeadMoved(
            f"the head was expected at {expected or 'no checkpoint'} and is at "
            f"{actual or 'no checkpoint'}{f', moved{by}' if by else ''}; nothing was written, "
            "call resume() to go on from there",
            expected=expected,
            actual=actual,
        )


def moved(
    current: Head | None,
    record: Checkpoint,
    *,
    now: datetime,
    operation_id: str | None,
    reason: str | None,
    directive: Directive | None,
) -> Head:
    """Return the head after it was moved to a checkpoint."""
    return Head(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        version=current.version + 1 if current else 1,
        moved_at=now,
        operation_id=operation_id,
        reason=reason,
        directive=directive,
    )


ERASED = "erased"
"""Why a head moved when its checkpoint was erased."""


def erased_head(head: Head, to: Checkpoint, now: datetime) -> Head:
    """Return the head of a thread whose head was erased."""
    return moved(head, to, now=now, operation_id=None, reason=ERASED, directive=None)


def dangling_heads(heads: Iterable[Head], listed: Container[str]) -> Iterator[Finding]:
    """Yield a finding for each head whose checkpoint is not in the listing."""
    for head in list(heads):
        if head.checkpoint_id not in listed:
            yield Finding(
                kind="dangling_head",
                message="the head's checkpoint is not listed any more; restore another one",
                checkpoint_id=head.checkpoint_id,
                thread_id=head.thread_id,
            )


PREVIOUS = "previous"
"""Where a record's metadata names the checkpoint before its parent, when that parent is one that
goes once an operation has succeeded."""


def ancestors(by_id: dict[str, Checkpoint], start: str | None) -> Iterator[Checkpoint]:
    """Yield a checkpoint and its ancestors, newest first, each once even in a damaged chain.

    Where the parent was let go it goes on with the checkpoint before that one, if it is known.
    """
    seen: set[str] = set()
    while start is not None and start in by_id and start not in seen:
        seen.add(start)
        yield by_id[start]
        parent, before = by_id[start].parent_id, by_id[start].metadata.get(PREVIOUS)
        start = before if isinstance(before, str) and parent not in by_id else parent


def left_behind(by_id: dict[str, Checkpoint], head: str | None, target: str) -> list[Checkpoint]:
    """Return what lies between the head and the target's own lineage, newest first."""
    kept = {record.id for record in ancestors(by_id, target)}
    return [record for record in ancestors(by_id, head) if record.id not in kept]


RESTORED = "restored; no run has gone on from it yet"
FORKED = "forked; no run has gone on from it yet"


def standing(head: Head | None, record: Checkpoint | None) -> tuple[Status, str]:
    """Return what a thread does now, and a sentence where there is one to say."""
    if head is not None and head.operation_id is not None:
        forked = record is not None and "forked_from" in record.metadata
        return Status.INTERRUPTED, FORKED if forked else RESTORED
    return (record.status if record else Status.UNKNOWN), ""


def step_label(record: Checkpoint) -> str:
    """Return a step's name, or its number where it has none."""
    return record.step_name or f"step {record.step}"


def _target(checkpoint: Checkpoint) -> RestoreTarget:
    return RestoreTarget(
        checkpoint_id=checkpoint.id,
        namespace=checkpoint.namespace,
        sha256=checkpoint.sha256,
    )


def _warnings(
    by_id: dict[str, Checkpoint], head: Head | None, checkpoint: Checkpoint
) -> tuple[str, ...]:
    """Warn of another branch; where pruning has cut the lineage nothing can be said."""
    lineage = list(ancestors(by_id, head.checkpoint_id if head else None))
    known_to_its_root = bool(lineage) and lineage[-1].parent_id is None
    if checkpoint in lineage or not known_to_its_root:
        return ()
    return ("The checkpoint lies on another branch than the head.",)


def effects_since(store: Store, target: Checkpoint, left: set[str]) -> tuple[str, ...]:
    """Warn of what was done outside after the target, which no restore undoes."""
    after = left | {target.id}
    try:
        entries = store.entries(target.agent_id, target.thread_id, kind=EFFECT)
    except CorruptCheckpoint as error:
        return (f"What was done outside since then cannot be told: {error}.",)
    done = [
        f"{e.data['name']} ({e.data.get('key', e.key)})"
        for e in entries
        if e.checkpoint_id in after
    ]
    if not done:
        return ()
    more = f" and {len(done) - EFFECTS_NAMED} more" if len(done) > EFFECTS_NAMED else ""
    named = ", ".join(done[:EFFECTS_NAMED]) + more
    asking = "An agent that asks for an effect by its key does not repeat it."
    return (f"Done outside since then, and not undone: {named}. {asking}",)
