"""The threads of a folder as they stand now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from checkpoints.connectors import marks
from checkpoints.connectors.documents.catalog import Saved
from checkpoints.records import Head, Status, Thread

QUIET_AFTER = timedelta(hours=1)
"""A run that is under way and has not saved for this long is taken for stalled."""

Name = tuple[str, str]
"""An agent and one of its threads."""


def newest_first(saved: Iterable[Saved]) -> list[Saved]:
    """Sort checkpoints by the times that they name."""
    return sorted(saved, key=lambda item: (item.record.created_at, item.record.id), reverse=True)


def head_of(saved: Iterable[Saved]) -> Saved | None:
    """Return the checkpoint of one thread that its framework resumes from."""
    return next((item for item in newest_first(saved) if item.record.damage is None), None)


def by_name(saved: Iterable[Saved]) -> dict[Name, list[Saved]]:
    """Return the checkpoints of each thread."""
    found: dict[Name, list[Saved]] = {}
    for item in saved:
        found.setdefault((item.record.agent_id, item.record.thread_id), []).append(item)
    return found


def threads_of(saved: Iterable[Saved], now: datetime) -> dict[Name, Thread]:
    """Return each thread as it stands at ``now``."""
    return {name: _thread(name, items, now) for name, items in by_name(saved).items()}


def _thread(name: Name, saved: list[Saved], now: datetime) -> Thread:
    head = head_of(saved)
    shown = head or newest_first(saved)[0]
    return Thread(
        agent_id=name[0],
        thread_id=name[1],
        head_id=head.record.id if head else None,
        checkpoints=len(saved),
        updated_at=shown.record.created_at,
        status=_status(head, now) if head else Status.UNKNOWN,
        next_steps=shown.record.next_steps,
        detail="" if head else "none of its checkpoints can be resumed from",
    )


def _status(head: Saved, now: datetime) -> Status:
    quiet = now - head.record.created_at > QUIET_AFTER
    return Status.STALLED if head.record.status is Status.RUNNING and quiet else head.record.status


def describe_head(head: Saved, count: int) -> Head:
    """Describe a head, with what a restore or a fork left in its metadata."""
    metadata: Mapping[str, object] = head.record.metadata
    return Head(
        agent_id=head.record.agent_id,
        thread_id=head.record.thread_id,
        checkpoint_id=head.record.id,
        version=count,
        moved_at=head.record.created_at,
        operation_id=marks.text_in(metadata, marks.OPERATION),
        reason=marks.text_in(metadata, marks.REASON),
        directive=marks.directive_in(head.facts),
    )
