"""Whether one head follows from another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import checkpoints
from dashboard.models import Thread


def stands_on(
    store: checkpoints.ReadableStore, plan: checkpoints.RestorePlan, head_id: str, base_id: str
) -> bool:
    """Return whether a head is the restored checkpoint or was written on top of it."""
    if head_id == base_id:
        return True
    return follows(_parents(store, plan), head_id, base_id, left=plan.expected_head)


def follows(
    parents: Mapping[str, str | None], head_id: str, base_id: str, *, left: str | None
) -> bool:
    """Return whether a chain of parents leads from the head to the base, but not through ``left``.

    A line that reaches the base through the head which the restore left is that of a run which
    never knew of the restore.
    """
    seen: set[str | None] = {left}
    current: str | None = head_id
    while current is not None and current not in seen:
        if current == base_id:
            return True
        seen.add(current)
        current = parents.get(current)
    return False


def agent_has_gone_on(
    store: checkpoints.ReadableStore,
    plan: checkpoints.RestorePlan,
    *,
    thread: Thread,
    seen_head: str | None,
    seen_at: datetime,
) -> bool:
    """Return whether the plan's head came from the head seen before by an agent's own new saves.

    A head that another operation moved does not count, nor a line over checkpoints that the index
    knew when the head was seen: those lead to somebody else's decision.
    """
    head = store.head(plan.agent_id, plan.thread_id)
    line = _line(_parents(store, plan), plan.expected_head, seen_head)
    if not line or head is None or head.operation_id is not None:
        return False
    known = thread.checkpoints.filter(checkpoint_id__in=line, received_at__lte=seen_at)
    return not known.exists()


def _line(parents: Mapping[str, str | None], head: str | None, base: str | None) -> list[str]:
    """Return what was written from the base to the head, newest first; empty when none was."""
    line: list[str] = []
    current = head
    while current is not None and current != base and current not in line:
        line.append(current)
        current = parents.get(current)
    return line if base is not None and current == base else []


def _parents(
    store: checkpoints.ReadableStore, plan: checkpoints.RestorePlan
) -> dict[str, str | None]:
    records = store.history(plan.agent_id, plan.thread_id)
    return {record.id: record.parent_id for record in records if not record.namespace}
