"""What one checkpoint tells of its agent, put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from checkpoints.drift.episodes import Observation
from checkpoints.drift.metrics.calls import tool_calls
from checkpoints.drift.metrics.finite import number
from checkpoints.drift.metrics.states import state_metrics
from checkpoints.records import Checkpoint, Kind, Status

MOST_OWN: Final = 24
"""Metrics of a record that are taken, by the order of their names."""
_RESTS = frozenset({Status.WAITING, Status.COMPLETED, Status.FAILED, Status.INTERRUPTED})
_FAILED = {
    Status.FAILED: True,
    Status.RUNNING: False,
    Status.WAITING: False,
    Status.COMPLETED: False,
}


def observe(
    record: Checkpoint,
    *,
    before: Checkpoint | None,
    state: Mapping[str, Any] | None = None,
    state_before: Mapping[str, Any] | None = None,
    failed: bool | None = None,
) -> Observation:
    """Return what a checkpoint tells of its agent.

    ``before`` is its parent in the thread, ``state_before`` that one's state. ``failed`` comes
    from the record's status where it is not given. Tool calls are told where both states are
    known, or nothing came before.
    """
    told = {} if state is None else state_metrics(state)
    since_known = state_before is not None or before is None
    deployment = record.metadata.get("deployment")
    return Observation(
        at=record.created_at,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        step_name=record.step_name,
        metrics={**told, **record_metrics(record, before=before)},
        failed=_FAILED.get(record.status) if failed is None else failed,
        state=state,
        calls=tool_calls(state, state_before) if state is not None and since_known else (),
        damage=record.damage,
        deployment=deployment if isinstance(deployment, str) else None,
        run_id=record.run_id,
        rests=record.status in _RESTS,
    )


def record_metrics(record: Checkpoint, *, before: Checkpoint | None) -> dict[str, float]:
    """Return the numbers that need no state: the record's own, its size, and how long it took.

    ``duration`` is in seconds since the checkpoint before it in the same run, unless the thread
    rested there: waited for somebody, or had ended; between routine checkpoints only, for the
    others are saved between two steps. ``state_size`` is in bytes before compression; only where
    that is not known ``stored_size`` stands for it.
    """
    found = dict(_sizes(record))
    lasted = _duration(record, before)
    if lasted is not None:
        found["duration"] = lasted
    for name in sorted(record.metrics, key=str)[:MOST_OWN]:
        value = number(record.metrics[name])
        if value is not None:
            found[str(name)] = value
    return found


def _sizes(record: Checkpoint) -> Iterator[tuple[str, float]]:
    if record.size is not None:
        yield "state_size", float(record.size)
    elif record.stored_size is not None:
        yield "stored_size", float(record.stored_size)


def _duration(record: Checkpoint, before: Checkpoint | None) -> float | None:
    if before is None or before.run_id != record.run_id or before.status in _RESTS:
        return None
    if {before.kind, record.kind} != {Kind.ROUTINE}:
        return None
    seconds = (record.created_at - before.created_at).total_seconds()
    return seconds if seconds >= 0 else None
