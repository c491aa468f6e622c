"""What restoring a checkpoint of Kaizen's would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from checkpoints.connectors.kaizen.names import Layout
from checkpoints.connectors.kaizen.states import THREAD, Saved
from checkpoints.connectors.kaizen.threads import QUIET_AFTER, head_of, newest_first
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.records import RestoreMode, RestorePlan, RestoreTarget, Status


def make_plan(target: Saved, everything: Iterable[Saved], now: datetime) -> RestorePlan:
    """Plan a restore. Raises CorruptCheckpoint, PlanRefused."""
    saved = list(everything)
    lineage = newest_first(item for item in saved if item.record.agent_id == target.record.agent_id)
    require_readable(target)
    head = head_of(lineage) or target
    require_loadable(target, head)
    _require_listing(head, saved, now)
    return RestorePlan(
        agent_id=target.record.agent_id,
        thread_id=THREAD,
        mode=RestoreMode.APPEND,
        targets=(
            RestoreTarget(
                checkpoint_id=target.record.id, namespace="", sha256=target.record.sha256
            ),
        ),
        expected_head=head.record.id,
        expected_head_sha256=head.record.sha256,
        superseded=tuple(_after(target, lineage)),
        warnings=tuple(_warnings(head, now)),
    )


def require_readable(target: Saved) -> None:
    """Raise CorruptCheckpoint or PlanRefused for what Kaizen could not resume from."""
    record, place = target.record, target.entry.place
    if record.damage:
        raise CorruptCheckpoint(f"{place}: {record.damage}", checkpoint_id=record.id)
    if target.name.layout is Layout.CYCLE:
        raise PlanRefused(
            f"{place} is of the older form with cycles, which names no checkpoint to resume from"
        )


def require_loadable(target: Saved, head: Saved) -> None:
    """Refuse a field that the agent's present Kaizen does not write: it cannot load it."""
    unknown = target.extra_fields - (head.extra_fields if head is not target else frozenset())
    if unknown:
        names = ", ".join(sorted(unknown))
        raise PlanRefused(
            f"{target.entry.place} holds {names}, with which Kaizen could not load a copy of it"
        )


def _require_listing(head: Saved, everything: list[Saved], now: datetime) -> None:
    """Refuse where Kaizen would not find the copy, or not take it for the newest."""
    beside = (item for item in everything if item.entry.subfolder == head.entry.subfolder)
    naive = next((item.entry.place for item in beside if item.naive_time), None)
    if naive:
        raise PlanRefused(
            f"while {naive} has a timestamp without a time zone, Kaizen lists nothing in this "
            "folder and would not find the restored state; mend or move that file first"
        )
    if head.record.created_at >= now:
        raise PlanRefused(
            f"the clock is wrong: {head.entry.place} is dated {head.record.created_at}, which is "
            "not before now; set the clock and try again"
        )


def _after(target: Saved, lineage: list[Saved]) -> Iterator[str]:
    for saved in lineage:
        if saved.record.id == target.record.id:
            return
        yield saved.record.id


def _warnings(head: Saved, now: datetime) -> Iterator[str]:
    recent = now - head.record.created_at < QUIET_AFTER
    if head.record.status is Status.RUNNING and recent:
        yield "the agent saved minutes ago: if it is still alive, its next save becomes the head"
