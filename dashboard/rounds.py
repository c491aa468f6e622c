"""What the worker does by itself, by a timer of its own and not by a separate beat process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import bootsteps
from django.db import connections
from django.utils import timezone

from dashboard.celery import app
from dashboard.services import (
    drift,
    drills,
    due_scans,
    heartbeats,
    notifications,
    operations,
    retention,
    storage,
)

RECONCILE_EVERY_SECONDS = 15.0
LOOK_FOR_SCANS_EVERY_SECONDS = 2.0
NOTIFY_EVERY_SECONDS = 3.0
LOOK_AT_STORAGE_EVERY_SECONDS = 60.0
WORKER = "worker"


def reconcile() -> None:
    """Send lost hints again, begin what schedules want."""
    operations.reconcile(now=timezone.now())
    retention.begin_due(now=timezone.now())
    drills.begin_due(now=timezone.now())
    drift.look_round(now=timezone.now())
    heartbeats.beat(name=WORKER, now=timezone.now())


def look_at_storage() -> None:
    """Ask for the samples of this hour and for what is to be measured; forget old messages."""
    storage.ask_for_due(now=timezone.now())
    notifications.forget_old(now=timezone.now())


def notify() -> None:
    """Put messages together of what is to be told, and ask for those that are due."""
    notifications.begin_due(now=timezone.now())


class Rounds(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts the timers with the worker. Every worker has them; claims in rows keep them apart."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._entries: list[Any] = []
        self._scans = due_scans.DueScans()

    def start(self, worker: Any) -> None:
        """Begin the rounds; the first of each comes at once."""
        timer = worker.timer
        rounds = (
            (RECONCILE_EVERY_SECONDS, reconcile),
            (LOOK_FOR_SCANS_EVERY_SECONDS, self.scan),
            (NOTIFY_EVERY_SECONDS, notify),
            (LOOK_AT_STORAGE_EVERY_SECONDS, look_at_storage),
        )
        for seconds, work in rounds:
            one_round = _with_own_connection(work)
            timer.call_after(0, one_round)
            self._entries.append(timer.call_repeatedly(seconds, one_round))

    def stop(self, worker: Any) -> None:
        """End the rounds."""
        for entry in self._entries:
            entry.cancel()

    def scan(self) -> None:
        """Ask for the scans that are due."""
        self._scans.enqueue(now=timezone.now())


def _with_own_connection(work: Callable[[], None]) -> Callable[[], None]:
    """Close the round's connection after it: pool processes must not inherit an open one."""

    def one_round() -> None:
        try:
            work()
        finally:
            connections.close_all()

    return one_round


app.steps["worker"].add(Rounds)
