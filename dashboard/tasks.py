"""What the worker can be asked to do. Each task takes an id and makes one call inward."""

from __future__ import annotations

import os
import socket
from uuid import UUID

from django.utils import timezone

from dashboard.celery import app
from dashboard.queue import (
    ANALYSE_DRIFT,
    BACKFILL_DRIFT,
    DELIVER_MESSAGE,
    MEASURE_SOURCE,
    RUN_DRILL,
    RUN_OPERATION,
    RUN_SCHEDULE,
    SCAN_SOURCE,
    TAKE_SAMPLES,
)
from dashboard.services import drift, drills, notifications, operations, retention, scans, storage


@app.task(name=RUN_OPERATION)
def run_operation(operation_id: str) -> None:
    """Carry an operation out, or find that it is claimed or done."""
    operations.run_operation(
        operation_id=UUID(operation_id), worker=_worker_name(), now=timezone.now
    )


@app.task(name=SCAN_SOURCE)
def scan_source(source_id: int) -> None:
    """Take in what a source gained."""
    scans.scan_source(source_id=source_id, now=timezone.now())


@app.task(name=RUN_SCHEDULE)
def run_schedule(run_pk: int) -> None:
    """Do a schedule's run, or find that it is claimed or done."""
    retention.carry_out(run_pk=run_pk, now=timezone.now)


@app.task(name=RUN_DRILL)
def run_drill(drill_pk: int) -> None:
    """Do a piece of a drill, or find that it is claimed or done."""
    drills.carry_out(drill_pk=drill_pk, now=timezone.now)


@app.task(name=DELIVER_MESSAGE)
def deliver_message(message_id: str) -> None:
    """Deliver a message, or find that it is claimed or delivered."""
    notifications.deliver(message_id=UUID(message_id), now=timezone.now)


@app.task(name=ANALYSE_DRIFT)
def analyse_drift() -> None:
    """Look for drift in the agents that have something new, or find that another worker does."""
    drift.analyse_due(now=timezone.now)


@app.task(name=BACKFILL_DRIFT)
def backfill_drift(backfill_pk: int) -> None:
    """Do a piece of a backfill, or find that it is claimed or done."""
    drift.carry_on(backfill_pk=backfill_pk, now=timezone.now)


@app.task(name=TAKE_SAMPLES)
def take_samples() -> None:
    """Write down what is stored now, and forget what was stored long ago."""
    storage.take_samples(now=timezone.now())
    storage.thin(now=timezone.now())


@app.task(name=MEASURE_SOURCE)
def measure_source(source_id: int) -> None:
    """Measure a source for a while, or find that it is claimed or measured."""
    storage.measure_source(source_id=source_id, now=timezone.now)


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
