"""Hints to the worker: after the commit, or not at all."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction

from dashboard import queue
from dashboard.celery import app

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(name: str) -> list[Path]:
    folder = Path(settings.DATA_DIR) / "broker" / "ready" / name
    return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture(autouse=True)
def empty_queues() -> None:
    for name in ("operations", "scan"):
        for path in waiting(name):
            path.unlink()


def test_a_hint_is_sent_when_its_row_is_committed() -> None:
    with transaction.atomic():
        queue.enqueue_operation(uuid4())
        assert waiting("operations") == []

    assert len(waiting("operations")) == 1


def test_a_hint_of_a_row_that_was_rolled_back_is_not_sent() -> None:
    with transaction.atomic():
        queue.enqueue_scan(1)
        transaction.set_rollback(True)

    assert waiting("scan") == []


def test_a_message_is_json_and_holds_an_id_alone() -> None:
    queue.enqueue_scan(17)

    (path,) = waiting("scan")
    message = json.loads(path.read_bytes())

    assert message["content-type"] == "application/json"
    assert message["headers"]["argsrepr"] == "[17]"


def test_a_broker_that_is_away_does_not_fail_the_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_args: object, **_options: object) -> None:
        raise ConnectionError("the broker is away")

    monkeypatch.setattr(app, "send_task", away)

    with caplog.at_level(logging.ERROR):
        queue.enqueue_operation(uuid4())

    assert "the broker is away" in caplog.text
