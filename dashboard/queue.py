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


def enqueue_operation(operation_id: UUID) -> None:
    """Ask a worker to carry an operation out."""
    _send_on_commit(RUN_OPERATION, str(operation_id))


def enqueue_scan(source_id: int) -> None:
    """Ask a worker to look what is new in a source."""
    _send_on_commit(SCAN_SOURCE, source_id)


def enqueue_scheduled_run(run_pk: int) -> None:
    """Ask a worker to do a schedule's run."""
    _send_on_commit(RUN_SCHEDULE, run_pk)


def _send_on_commit(task: str, row_id: str | int) -> None:
    def send() -> None:
        app.send_task(task, args=[row_id])

    transaction.on_commit(send, robust=True)
