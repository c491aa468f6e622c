"""What restoring or forking a checkpoint of a folder would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from checkpoints.connectors.documents.catalog import Saved
from checkpoints.connectors.documents.copying import require_newest
from checkpoints.connectors.documents.threads import head_of, newest_first
from checkpoints.errors import CorruptCheckpoint
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import RestoreMode, RestorePlan, RestoreTarget, Status

RECENT = timedelta(minutes=30)


def restore_plan(
    target: Saved, lineage: Iterable[Saved], *, now: datetime, warnings: Sequence[str] = ()
) -> RestorePlan:
    """Plan a restore within a thread. Raises CorruptCheckpoint, PlanRefused."""
    require_sound(target)
    saved = newest_first(lineage)
    head = head_of(saved) or target
    require_newest(head, now)
    return RestorePlan(
        agent_id=target.record.agent_id,
        thread_id=target.record.thread_id,
        mode=RestoreMode.APPEND,
        targets=(target_of(target),),
        expected_head=head.record.id,
        expected_head_sha256=head.record.sha256,
        superseded=tuple(_after(target, saved)),
        warnings=(*_alive(head, now), *warnings),
    )


def fork_plan(
    origin: Saved,
    *,
    agent_id: str,
    thread_id: str,
    edits: Sequence[Edit],
    warnings: Sequence[str] = (),
) -> ForkPlan:
    """Plan a fork into a thread that is known to be free. Raises CorruptCheckpoint."""
    require_sound(origin)
    return ForkPlan(
        agent_id=origin.record.agent_id,
        thread_id=origin.record.thread_id,
        new_agent_id=agent_id,
        new_thread_id=thread_id,
        targets=(target_of(origin),),
        edits=tuple(edits),
        copied_bytes=origin.record.stored_size,
        warnings=tuple(warnings),
    )


def require_sound(target: Saved) -> None:
    """Raise CorruptCheckpoint for what the framework could not resume from."""
    record = target.record
    if record.damage:
        raise CorruptCheckpoint(f"{target.entry.place}: {record.damage}", checkpoint_id=record.id)


def target_of(saved: Saved) -> RestoreTarget:
    """Hold a checkpoint fast by its digest."""
    return RestoreTarget(checkpoint_id=saved.record.id, namespace="", sha256=saved.record.sha256)


def _after(target: Saved, lineage: Sequence[Saved]) -> Iterator[str]:
    for saved in lineage:
        if saved.record.id == target.record.id:
            return
        yield saved.record.id


def _alive(head: Saved, now: datetime) -> Iterator[str]:
    if head.record.status is Status.RUNNING and now - head.record.created_at < RECENT:
        yield "the agent saved minutes ago: if it is still alive, its next save becomes the head"
