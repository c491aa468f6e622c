"""The only way to start work: a hint is sent once the row that it names is committed.

A hint that cannot be sent is not an error of the request: the reconciler sends it again.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from dashboard.celery import app

RUN_OPERATION = "operations.run"
SCAN_SOURCE = "sources.scan"
RUN_SCHEDULE = "retention.run"
TAKE_SAMPLES = "storage.sample"
MEASURE_SOURCE = "storage.measure"
RUN_DRILL = "drills.run"
ANALYSE_DRIFT = "drift.analyse"
BACKFILL_DRIFT = "drift.backfill"
DELIVER_MESSAGE = "notifications.deliver"


def enqueue_operation(operation_id: UUID) -> None:
    """Ask a worker to carry an operation out."""
    _send_on_commit(RUN_OPERATION, str(operation_id))


def enqueue_scan(source_id: int) -> None:
    """Ask a worker to look what is new in a source."""
    _send_on_commit(SCAN_SOURCE, source_id)


def enqueue_scheduled_run(run_pk: int) -> None:
    """Ask a worker to do a schedule's run."""
    _send_on_commit(RUN_SCHEDULE, run_pk)


def enqueue_drill(drill_pk: int) -> None:
    """Ask a worker to do a drill, or to go on with it."""
    _send_on_commit(RUN_DRILL, drill_pk)


def enqueue_message(message_id: UUID) -> None:
    """Ask a worker to deliver a message."""
    _send_on_commit(DELIVER_MESSAGE, str(message_id))


def enqueue_drift() -> None:
    """Ask a worker to look at the agents that have something new."""
    _send_on_commit(ANALYSE_DRIFT)


def enqueue_drift_backfill(backfill_pk: int) -> None:
    """Ask a worker to go on with reading numbers out of states that are there already."""
    _send_on_commit(BACKFILL_DRIFT, backfill_pk)


def enqueue_samples() -> None:
    """Ask a worker to write down what is stored now."""
    _send_on_commit(TAKE_SAMPLES)


def enqueue_measure(source_id: int) -> None:
    """Ask a worker to measure a source."""
    _send_on_commit(MEASURE_SOURCE, source_id)


def _send_on_commit(task: str, *row_ids: str | int) -> None:
    def send() -> None:
        app.send_task(task, args=list(row_ids))

    transaction.on_commit(send, robust=True)
