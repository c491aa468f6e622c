"""Writing down what rehearsals came to: their rows, the agent's last drill, its alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from checkpoints.drills import Outcome, Rehearsal
from dashboard.models import (
    Agent,
    AgentDrill,
    AlertKind,
    Checkpoint,
    Drill,
    DrillOutcome,
    DrillResult,
)
from dashboard.services.drills.alerts import open_alert, resolve

Rehearsed = Sequence[tuple[Checkpoint | None, Rehearsal]]


def note(drill: Drill, agent: Agent, rehearsed: Rehearsed, now: datetime) -> None:
    """Keep what the rehearsals of one agent came to. The caller holds a transaction open."""
    rows = [_result(drill, agent, row, one, now) for row, one in rehearsed]
    DrillResult.objects.bulk_create(rows, ignore_conflicts=True)
    counts = Counter(row.outcome for row in rows)
    Drill.objects.filter(pk=drill.pk).update(
        last_agent=agent.pk,
        agents_done=F("agents_done") + 1,
        lost=0,
        bytes_read=F("bytes_read") + sum(row.bytes_read for row in rows),
        **{outcome: F(outcome) + counts[outcome] for outcome in DrillOutcome.values},
    )
    if rows:
        _settle(drill, agent, rows, now)


def worst(outcomes: Counter[str]) -> str:
    """Return what several rehearsals come to: one that failed counts most, one proven next."""
    order = (DrillOutcome.FAILED, DrillOutcome.PROVEN, DrillOutcome.SKIPPED)
    return next((one.value for one in order if outcomes[one]), DrillOutcome.SKIPPED.value)


def _result(
    drill: Drill, agent: Agent, row: Checkpoint | None, one: Rehearsal, now: datetime
) -> DrillResult:
    return DrillResult(
        drill=drill,
        agent=agent,
        row=row,
        thread_id=one.thread_id,
        checkpoint_id=one.checkpoint_id,
        outcome=one.outcome.value,
        decoded=one.decoded,
        digest_verified=one.digest_verified,
        restored=one.restored,
        read_back=one.read_back,
        how=one.how.value if one.how else "",
        finding=one.finding,
        reason=one.reason,
        bytes_read=one.bytes_read,
        at=now,
    )


def _settle(drill: Drill, agent: Agent, rows: Sequence[DrillResult], now: datetime) -> None:
    outcome = worst(Counter(row.outcome for row in rows))
    failed = next((row for row in rows if row.outcome == Outcome.FAILED), None)
    telling = failed or next((row for row in rows if row.outcome == outcome), rows[0])
    values = {
        "drill": drill,
        "outcome": outcome,
        "at": now,
        "rehearsed": len(rows),
        "finding": telling.finding,
        "message": telling.reason,
    }
    if outcome == DrillOutcome.PROVEN:
        values["proven_at"] = now
    AgentDrill.objects.update_or_create(agent=agent, defaults=values)
    if failed is not None:
        message = f"The checkpoint {failed.checkpoint_id} could not be restored: {failed.reason}"
        open_alert(agent=agent, kind=AlertKind.DRILL_FAILED, message=message, now=now)
    elif outcome == DrillOutcome.PROVEN:
        resolve(agent=agent, kind=AlertKind.DRILL_FAILED, now=now)
