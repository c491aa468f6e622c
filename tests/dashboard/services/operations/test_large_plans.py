"""A plan may be large: it is read where it is needed, and not with every look at its row."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.models import OperationState
from dashboard.services import operations
from tests.benches import Bench
from tests.dashboard.services.operations.test_prunes import ask_for_prune

PLAN = '"dashboard_operation"."plan"'


def readings_of_a_plan(queries: CaptureQueriesContext) -> int:
    selects = (query["sql"] for query in queries if query["sql"].startswith("SELECT"))
    return sum(PLAN in sql.partition(" FROM ")[0] for sql in selects)


def test_a_worker_reads_a_plan_once(bench: Bench) -> None:
    operation = ask_for_prune(bench)

    with CaptureQueriesContext(connection) as queries:
        operations.run_operation(operation_id=operation.pk, worker="w", now=bench.clock)

    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED
    assert readings_of_a_plan(queries) == 1


def test_a_round_of_the_reconciler_reads_no_plan(bench: Bench) -> None:
    bench.run(bench.request(bench.rows()[1]))
    ask_for_prune(bench)
    bench.clock.pass_by(11)

    with CaptureQueriesContext(connection) as queries:
        found = operations.reconcile(now=bench.clock())

    assert found.hinted == 1
    assert readings_of_a_plan(queries) == 0
