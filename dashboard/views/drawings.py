"""A timeline's drawing as JSON. Times are milliseconds since 1970 in UTC, sizes are bytes."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from django.urls import reverse
from django.utils import timezone

from dashboard import formats, looks
from dashboard.selectors.branches import MAIN
from dashboard.selectors.buckets import milliseconds
from dashboard.selectors.lanes import Drawing, Heap, Lane, Mark


class LaneJson(TypedDict):
    """A lane: a thread or a branch of it."""

    name: str
    thread: int
    branch: bool


MarkJson = TypedDict(
    "MarkJson",
    {
        "t": int,
        "lane": int,
        "kind": str,
        "bytes": int | None,
        "id": NotRequired[int],
        "parent": NotRequired[int | None],
        "label": NotRequired[str],
        "state": NotRequired[str],
        "why": NotRequired[str],
        "head": NotRequired[bool],
        "pinned": NotRequired[bool],
        "n": NotRequired[int],
        "from": NotRequired[int],
        "to": NotRequired[int],
    },
)


class OperationJson(TypedDict):
    """What happened on a lane beside checkpoints: an operation, or a drift that began."""

    t: int
    lane: int
    url: str
    state: str
    note: str
    text: str


DrawingJson = TypedDict(
    "DrawingJson",
    {
        "from": int,
        "to": int,
        "now": int,
        "lanes": list[LaneJson],
        "marks": list[MarkJson],
        "operations": list[OperationJson],
    },
)


def as_json(drawing: Drawing) -> DrawingJson:
    """Return a drawing for the script that draws it."""
    return {
        "from": drawing.since,
        "to": drawing.until,
        "now": milliseconds(timezone.now()),
        "lanes": [_lane(lane) for lane in drawing.lanes],
        "marks": [_heap(heap) for heap in drawing.heaps] + [_mark(m) for m in drawing.marks],
        "operations": [_operation(lane, row) for lane, row in drawing.operations]
        + [_drift(lane, row) for lane, row in drawing.alerts],
    }


def _lane(lane: Lane) -> LaneJson:
    branch = lane.branch != MAIN
    name = "branch" if branch else lane.thread.thread_id
    return {"name": name, "thread": lane.thread.pk, "branch": branch}


def _mark(mark: Mark) -> MarkJson:
    row = mark.row
    found: MarkJson = {
        "id": row.pk,
        "t": milliseconds(row.created_at),
        "lane": mark.lane,
        "kind": row.get_kind_display(),
        "bytes": row.stored_size,
        "label": f"step {row.step}" + (f" {row.step_name[:60]}" if row.step_name else ""),
    }
    if mark.parent_pk:
        found["parent"] = mark.parent_pk
    if state := _state(row):
        found["state"] = state
    if row.removed_at:
        found["why"] = row.removed_reason[:120]
    if row.pk == row.thread.head_id:
        found["head"] = True
    if row.pinned:
        found["pinned"] = True
    return found


def _state(row: Any) -> str:
    if row.removed_at:
        return "removed"
    if row.damage:
        return "damaged"
    look = looks.look(row.status).look
    return look if look in (looks.ATTENTION, looks.FAILED) else ""


def _heap(heap: Heap) -> MarkJson:
    bucket = heap.bucket
    found: MarkJson = {
        "t": (bucket.since + bucket.until) // 2,
        "lane": heap.lane,
        "kind": bucket.kind.replace("_", "-"),
        "bytes": bucket.stored_bytes,
        "n": bucket.count,
        "from": bucket.since,
        "to": bucket.until,
    }
    if bucket.failed:
        found["state"] = looks.FAILED
    return found


def _operation(lane: int, row: Any) -> OperationJson:
    note = _NOTES.get(row.kind, row.kind)
    look = looks.look(row.state)
    if look.look != looks.HEALTHY:
        note = look.words
    return {
        "t": milliseconds(row.finished_at or row.created_at),
        "lane": lane,
        "url": reverse("operation", args=[row.pk]),
        "state": "" if look.look == looks.HEALTHY else look.look,
        "note": note,
        "text": f"{_described(row)}: {look.words}",
    }


def _drift(lane: int, row: Any) -> OperationJson:
    return {
        "t": milliseconds(row.onset_at),
        "lane": lane,
        "url": reverse("drift-alert", args=[row.pk]),
        "state": "" if row.is_ended else looks.ATTENTION,
        "note": "drift",
        "text": f"Drift, {row.get_state_display().lower()}: {row.words[:160]}",
    }


_NOTES = {
    "restore": "restored",
    "fork": "forked",
    "edit_fork": "forked",
    "prune": "pruned",
    "erase": "erased",
    "undo": "undone",
    "sweep": "swept",
}


def _described(row: Any) -> str:
    """Return what an operation is, and of a checkpoint if it is of one."""
    what = row.get_kind_display()
    of_one = row.kind in ("restore", "fork", "edit_fork")
    if row.undo_of is not None:
        return f"Undo of the {row.undo_of.get_kind_display().lower()}"
    return f"{what} of {formats.short(row.target_id)}" if of_one else what
