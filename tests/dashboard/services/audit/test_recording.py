"""Whatever is appended at the same time forms one chain, and reads back as it was hashed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from dashboard.models import AuditEvent, AuditHead, User
from dashboard.services import audit

ROOT = Path(__file__).resolve().parents[4]
ODD = {
    "é": "“quoted” \x00 \ud800 \U0001f600",
    "float": 1e22,
    "small": 0.1,
    "whole": 1.0,
    "large": 2**80,
    "nested": [{"a": None, "b": True}, (1, 2)],
    "time": datetime(2026, 1, 1, tzinfo=UTC),
}


@pytest.mark.django_db
def test_what_is_odd_reads_back_as_it_was_hashed(now: datetime, person: User) -> None:
    audit.record(user=person, action="x", target="\x00", details=ODD, now=now)
    assert audit.verify(now=now).findings == ()
    assert AuditEvent.objects.get().details["é"].startswith("“quoted” \\x00 \\ud800")


@pytest.mark.django_db
def test_no_secret_is_kept(now: datetime) -> None:
    token = f"hf_{'0' * 12}_{'x' * 43}"
    details = {"reason": f"use {token}", "urls": ["postgresql://ada:hunter2@db/x"]}
    audit.record(user=None, action="x", target=token, details=details, now=now)
    kept = json.dumps(AuditEvent.objects.get().link().to_dict())
    assert "hunter2" not in kept
    assert "xxx" not in kept
    assert "postgresql://ada@db/x" in kept


@pytest.mark.django_db
def test_what_was_rolled_back_leaves_no_gap(now: datetime) -> None:
    audit.record(user=None, action="kept", target="", details={}, now=now)
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(user=None, action="lost", target="", details={}, now=now)
        raise RuntimeError
    audit.record(user=None, action="kept", target="", details={}, now=now)
    assert list(AuditEvent.objects.values_list("sequence", "action")) == [(1, "kept"), (2, "kept")]
    assert audit.verify(now=now).holds


@pytest.mark.django_db
@pytest.mark.parametrize("act", ["update", "delete"])
def test_an_event_is_neither_changed_nor_deleted(now: datetime, act: str) -> None:
    audit.record(user=None, action="x", target="", details={}, now=now)
    rows = AuditEvent.objects.filter(sequence=1)
    with pytest.raises(DatabaseError, match="appended"), transaction.atomic():
        rows.update(target="y") if act == "update" else rows.delete()
    assert AuditEvent.objects.get().target == ""


@pytest.mark.django_db(transaction=True)
def test_threads_that_append_at_once_form_one_chain(now: datetime) -> None:
    start = threading.Barrier(4)

    def append(name: int) -> None:
        start.wait()
        try:
            for number in range(10):
                audit.record(user=None, action=f"{name}", target=f"{number}", details={}, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(4)))

    assert audit.verify(now=now).findings == ()
    assert AuditHead.objects.get().count == AuditEvent.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_processes_that_append_at_once_form_one_chain(now: datetime) -> None:
    command = [sys.executable, "-m", "tests.faults.append_events", "15"]
    environment = {**os.environ, "HOLDFAST_DATABASE_URL": _url()}
    environment["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    running = [subprocess.Popen([*command, str(n)], cwd=ROOT, env=environment) for n in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert audit.verify(now=now).findings == ()
    assert AuditEvent.objects.count() == 45


def _url() -> str:
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    place = f"{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT'] or 5432}"
    return f"postgresql://{place}/{found['NAME']}"
