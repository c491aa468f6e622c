"""The agents of a folder as they stand now. Each has one thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.kaizen.states import THREAD, Saved
from checkpoints.records import Head, Status, Thread

QUIET_AFTER = timedelta(minutes=30)
"""An agent that runs and has not saved for this long is taken for stalled."""


def newest_first(saved: Iterable[Saved]) -> list[Saved]:
    """Sort checkpoints as Kaizen does: by the time that their states name."""
    return sorted(saved, key=lambda item: (item.record.created_at, item.record.id), reverse=True)


def head_of(saved: Iterable[Saved]) -> Saved | None:
    """Return the checkpoint of one agent that Kaizen resumes from.

    It never lists what is encrypted: where all is, this is the newest, to be loaded by its id.
    """
    found = [item for item in newest_first(saved) if item.record.damage is None]
    return next((item for item in found if not item.name.is_encrypted), next(iter(found), None))


def threads_of(saved: Iterable[Saved], now: datetime) -> dict[str, Thread]:
    """Return each agent's thread as it stands at ``now``."""
    agents: dict[str, list[Saved]] = {}
    for item in saved:
        agents.setdefault(item.record.agent_id, []).append(item)
    return {agent: _thread(agent, items, now) for agent, items in agents.items()}


def _thread(agent: str, saved: list[Saved], now: datetime) -> Thread:
    head = head_of(saved)
    if head is None:
        return Thread(
            agent_id=agent,
            thread_id=THREAD,
            head_id=None,
            checkpoints=len(saved),
            updated_at=newest_first(saved)[0].record.created_at,
            detail="none of its checkpoints can be read",
        )
    return Thread(
        agent_id=agent,
        thread_id=THREAD,
        head_id=head.record.id,
        checkpoints=len(saved),
        updated_at=head.record.created_at,
        status=_status(head, now),
        detail=str(head.record.metadata.get("error") or ""),
    )


def _status(head: Saved, now: datetime) -> Status:
    quiet = now - head.record.created_at > QUIET_AFTER
    return Status.STALLED if head.record.status is Status.RUNNING and quiet else head.record.status


def describe_head(head: Saved, count: int, state: Mapping[str, Any]) -> Head:
    """Describe a head, with what a restore left in its state's metadata."""
    metadata = state.get("metadata")
    left: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    return Head(
        agent_id=head.record.agent_id,
        thread_id=THREAD,
        checkpoint_id=head.record.id,
        version=count,
        moved_at=head.record.created_at,
        operation_id=marks.text_in(left, marks.OPERATION),
        reason=marks.text_in(left, marks.REASON),
        directive=marks.directive_in(left),
    )
