"""Readiness names what is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import kombu
import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from dashboard.celery import app
from dashboard.models import Operation, ThreadLock, User
from dashboard.services import heartbeats
from dashboard.services.health import RECONCILER
from tests.dashboard.index import make_thread


def ready() -> Any:
    return Client().get("/readyz", headers={"host": "10.0.0.1"})


def beat(age: timedelta = timedelta()) -> None:
    heartbeats.beat(name=RECONCILER, now=datetime.now(UTC) - age)


def test_a_live_process_says_so_to_any_host_without_a_session() -> None:
    response = Client().get("/healthz", headers={"host": "10.0.0.1"})

    assert (response.status_code, response.json()) == (HTTPStatus.OK, {"status": "alive"})
    assert not response.cookies


def test_all_is_well_while_the_reconciler_runs(db: None) -> None:
    beat()

    response = ready()

    assert response.status_code == HTTPStatus.OK
    assert response.json()["missing"] == []


def test_a_reconciler_that_never_ran_is_missing(db: None) -> None:
    response = ready()

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.json()["missing"] == ["reconciler"]


def test_a_reconciler_that_fell_silent_is_missing(db: None) -> None:
    beat(timedelta(seconds=61))

    assert ready().json()["missing"] == ["reconciler"]


def test_a_migration_that_was_not_applied_is_missing(db: None) -> None:
    beat()
    newest = max(
        name for app, name in MigrationLoader(connection).disk_migrations if app == "dashboard"
    )
    MigrationRecorder(connection).record_unapplied("dashboard", newest)

    assert "migrations" in ready().json()["missing"]


def test_a_broker_that_does_not_answer_is_missing(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat()
    away = kombu.Connection("redis://127.0.0.1:9/0")
    monkeypatch.setattr(app, "connection_for_write", lambda **_: away)

    response = ready()

    assert response.json()["missing"] == ["broker"]
    assert "127.0.0.1" not in response.content.decode()


def wait(person: User, age: timedelta, **values: Any) -> Operation:
    """Let an operation wait for a worker."""
    now = datetime.now(UTC)
    thread = make_thread(now)
    return Operation.objects.create(
        thread=thread,
        source=thread.agent.source,
        requested_by=person,
        plan={},
        reason="it went astray",
        idempotency_key="1",
        created_at=now - age,
        **values,
    )


def test_an_operation_that_no_worker_takes_up_is_told_after_a_minute(person: User) -> None:
    beat()
    wait(person, timedelta(seconds=61))

    response = ready()

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.json()["missing"] == ["operations"]
    assert "has waited 61 s" in response.json()["checks"]["operations"]


def test_an_operation_that_waits_for_another_of_its_thread_is_no_failure(person: User) -> None:
    beat()
    operation = wait(person, timedelta(seconds=61))
    assert operation.thread is not None
    ThreadLock.objects.create(
        thread=operation.thread, operation=operation, fence=1, lease_until=operation.created_at
    )

    assert ready().json()["missing"] == []
