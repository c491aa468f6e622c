"""Whether this installation can do its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from dashboard.celery import app
from dashboard.models import Heartbeat, Operation, OperationState, User

RECONCILER = "reconciler"
RECONCILER_LIMIT = timedelta(seconds=60)
TAKEN_UP_WITHIN = timedelta(seconds=60)
BROKER_TIMEOUT_SECONDS = 2
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``message`` is ``ok`` or says what is wrong."""

    name: str
    message: str = "ok"

    @property
    def passed(self) -> bool:
        """Whether it is as it should be."""
        return self.message == "ok"


def look(*, now: datetime) -> tuple[Check, ...]:
    """Look at the database, its migrations, the broker and the work that waits. Never raises."""
    return (
        _check("database", _database),
        _check("migrations", _migrations),
        _check("broker", _broker),
        _check("reconciler", lambda: _reconciler(now)),
        _check("operations", lambda: _operations(now)),
    )


def has_index() -> bool:
    """Say whether the database has the index's tables."""
    try:
        User.objects.exists()
    except DatabaseError:
        return False
    return True


def _check(name: str, probe: Callable[[], str]) -> Check:
    """Run a probe; what it raises goes to the log, as it may hold addresses."""
    try:
        return Check(name, probe())
    except Exception as error:  # noqa: BLE001 - whatever a probe raises is its answer
        logger.warning("health check failed", check=name, error=str(error))
        return Check(name, f"cannot be looked at ({type(error).__name__}); the log says more")


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} not applied; run `python manage.py migrate`" if waiting else "ok"


def _broker() -> str:
    with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_SECONDS) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS)
    return "ok"


def _reconciler(now: datetime) -> str:
    beat = Heartbeat.objects.filter(name=RECONCILER).first()
    if beat is None:
        return "has never run; start a worker"
    silent = now - beat.at
    if silent >= RECONCILER_LIMIT:
        return f"last ran {int(silent.total_seconds())} s ago; start a worker"
    return "ok"


def _operations(now: datetime) -> str:
    """Look for what no worker has taken up; what waits for another of its thread does not count."""
    untouched = Operation.objects.filter(state=OperationState.QUEUED, started_at=None)
    oldest = untouched.filter(thread__lock=None).order_by("created_at").first()
    if oldest is None or now - oldest.created_at <= TAKEN_UP_WITHIN:
        return "ok"
    waited = int((now - oldest.created_at).total_seconds())
    return f"one has waited {waited} s and no worker takes it up; restart the worker"
