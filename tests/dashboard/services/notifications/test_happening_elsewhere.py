"""Alerts of recovery, sources and operations are told of, and settled once seen or over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dashboard.models import (
    AlertKind,
    Notice,
    ObjectiveAlert,
    Operation,
    OperationState,
    RecoveryObjective,
    Role,
    Source,
)
from dashboard.services import drills, operations, scans
from dashboard.services.drills import alerts
from dashboard.services.notifications import targets
from dashboard.services.telling import tell_operation
from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.people import join
from tests.dashboard.services.notifications.yard import make_channel


@pytest.fixture
def bench(db: None, tmp_path: Path) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    found = register(url, thread_id="main", clock=Clock())
    make_channel(found.user, targets.webhook("http://127.0.0.1:9/x"), found.clock(), name="all")
    return found


def notices() -> list[tuple[str, str, bool]]:
    rows = Notice.objects.order_by("pk")
    return [(row.kind, row.severity, row.settled_at is not None) for row in rows]


def test_an_objective_that_is_missed_is_told_once_until_it_is_met(bench: Bench) -> None:
    objective = RecoveryObjective.objects.create(
        project=bench.source.project, minutes=1, changed_by=bench.user, changed_at=bench.clock()
    )
    later = bench.clock() + timedelta(days=2)
    for _ in range(3):
        drills.review(now=later)
    assert notices() == [("objective.missed", "high", False)]

    objective.delete()
    Notice.objects.update(told_at=later, told_kind="objective.missed", due_at=None)
    drills.review(now=later)
    assert notices() == [("objective.met", "high", True)]


def test_a_drill_that_failed_is_told_and_settled_by_who_has_seen_it(bench: Bench) -> None:
    agent, now = bench.thread().agent, bench.clock()
    for _ in range(2):
        message = "The checkpoint x could not be restored: pass=hunter2"
        alerts.open_alert(agent=agent, kind=AlertKind.DRILL_FAILED, message=message, now=now)
    notice = Notice.objects.get()
    assert (notice.kind, notice.agent_id, notice.happened) == ("drill.failed", agent.pk, 1)
    assert "hunter2" not in notice.text, "words of a store stay in the house"

    drills.acknowledge(user=bench.user, alert_pk=ObjectiveAlert.objects.get().pk, now=now)
    assert notices() == [("drill.failed", "high", True)]


def test_a_source_that_cannot_be_read_is_told_and_its_recovery_too(bench: Bench) -> None:
    path = Path(bench.source.url.removeprefix("sqlite:///"))
    kept = path.read_bytes()
    path.write_bytes(b"no database at all, " * 100)
    for _ in range(4):
        bench.clock.pass_by(600)
        scans.scan_source(source_id=bench.source.pk, now=bench.clock())
    assert notices() == [("source.failed", "medium", False)]

    Notice.objects.update(told_at=bench.clock(), told_kind="source.failed", due_at=None)
    path.write_bytes(kept)
    bench.clock.pass_by(600)
    scans.scan_source(source_id=bench.source.pk, now=bench.clock())
    assert Source.objects.get(pk=bench.source.pk).failed_scans == 0
    assert notices() == [("source.recovered", "medium", True)]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (OperationState.FAILED, [("operation.failed", "medium", False)]),
        (OperationState.NEEDS_ATTENTION, [("operation.needs_attention", "high", False)]),
        (OperationState.SUCCEEDED, []),
        (OperationState.CANCELLED, []),
    ],
)
def test_an_operation_is_told_of_when_it_failed_or_needs_somebody(
    bench: Bench, state: OperationState, told: list[tuple[str, str, bool]]
) -> None:
    operation = bench.request(bench.rows()[1])
    tell_operation(operation, state, bench.clock())

    assert notices() == told


def test_a_restore_that_fails_is_told_and_settled_by_who_has_seen_it(bench: Bench) -> None:
    operation = bench.request(bench.rows()[1])
    Path(bench.source.url.removeprefix("sqlite:///")).write_bytes(b"no database at all" * 100)
    done = bench.run(operation)
    assert done.state in (OperationState.FAILED, OperationState.REFUSED_STALE), done.message
    if done.state == OperationState.REFUSED_STALE:
        pytest.fail("it must fail, so that there is something to tell")
    assert notices() == [("operation.failed", "medium", False)]

    join(bench.user, Role.OPERATOR)
    operations.acknowledge(user=bench.user, operation_id=operation.pk, now=bench.clock())
    assert notices() == [("operation.failed", "medium", True)]
    assert Operation.objects.get(pk=operation.pk).seen_at is not None
