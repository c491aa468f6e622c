"""Dashboards that are somebody else's: what they answer harms neither the agent nor its machine."""

from __future__ import annotations

import contextlib
import gzip
import logging
import threading
import tracemalloc
from typing import Any

import pytest

from checkpoints.reporting.inbox import MOST_WAITING, Inbox
from tests.checkpoints.dashboards import Dashboard, Handler, until
from tests.checkpoints.reporting.conftest import STORE, Reporters, report
from tests.checkpoints.reporting.test_inbox import directive

MINE = {("crawler", "main")}
BOMB = gzip.compress(b" " * 60_000_000)


def bomb(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(200, BOMB, {"Content-Encoding": "gzip"})


def test_an_answer_is_never_decompressed(dashboard: Dashboard, reporters: Reporters) -> None:
    dashboard.answers = [bomb]
    reporter = reporters()
    tracemalloc.start()
    try:
        report(reporter, range(1))
        until(lambda: reporter.counters.sent == 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    assert reporter.counters.retries == 1


@pytest.mark.parametrize(
    "told",
    [
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        f"Mon, 01 Jan 2026 00:00:00 +{'9' * 50}",
        "Mon, 32 Jan 2026 99:00:00 GMT",
    ],
)
def test_a_retry_after_of_no_calendar_ends_no_reporting(
    dashboard: Dashboard, reporters: Reporters, told: str
) -> None:
    dashboard.answers = [(503, told)]
    reporter = reporters()
    report(reporter, range(1))
    until(lambda: reporter.counters.sent == 1)


def test_cookies_are_not_kept(dashboard: Dashboard, reporters: Reporters) -> None:
    sent: list[str | None] = []

    def crumbs(handler: Handler, _: dict[str, Any]) -> None:
        sent.append(handler.headers["Cookie"])
        handler.send(503, {}, {"Set-Cookie": "crumb=1; Path=/"})

    dashboard.answers = [crumbs, crumbs]
    reporter = reporters()
    report(reporter, range(1))
    until(lambda: reporter.counters.sent == 1)
    assert sent == [None, None]


def test_refusals_of_what_was_not_sent_count_nothing(
    dashboard: Dashboard, reporters: Reporters, caplog: pytest.LogCaptureFixture
) -> None:
    refused = [{"id": f"x-{n}", "detail": f"reason {n}"} for n in range(1_000)]
    answer = {"accepted": 1, "duplicates": 0, "refused": refused, "directives": []}
    dashboard.answers = [lambda handler, _: handler.send(200, answer)]
    reporter = reporters()
    report(reporter, range(1))
    until(lambda: reporter.counters.sent == 1)
    assert reporter.counters.refused == 0
    assert not caplog.records


def test_what_a_dashboard_says_is_one_line_of_the_log(
    dashboard: Dashboard, reporters: Reporters, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"detail": "\x1b[2J\x9b31m\nroot logged in\u202e" + "x" * 100_000}
    dashboard.answers = [lambda handler, _: handler.send(503, said)]
    reporter = reporters()
    with caplog.at_level(logging.WARNING, "checkpoints.reporting"):
        report(reporter, range(1))
        until(lambda: reporter.counters.sent == 1)
    [line] = [record.getMessage() for record in caplog.records]
    assert line.isprintable()
    assert len(line) < 1_000


def test_a_time_without_an_offset_raises_nothing_in_the_agent(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.directives = [
        directive("d-1", issued_at="2026-11-21T12:00:00"),
        directive("d-2"),
        directive("d-3", issued_at="0001-01-01T00:00:00+23:59"),
        directive("d-4", issued_at="9999-12-31T23:59:59-23:59"),
        directive("d-5", parameters=["restore"]),
        directive("d-6", strategy=[]),
        directive("d-7", issued_at=5),
    ]
    found = reporters().fetch_directives("crawler", "main", store_url=STORE)
    assert [one.id for one in found] == ["d-3", "d-2", "d-4"]


def test_directives_for_threads_that_nobody_asked_about_are_passed_over() -> None:
    inbox = Inbox()
    inbox.receive(STORE, MINE, [directive("d-1", agent_id="other"), directive("d-2")])
    assert inbox.waiting("other", "main") == []
    assert [one.id for one in inbox.waiting("crawler", "main")] == ["d-2"]


def test_no_more_directives_wait_than_the_memory_is_meant_for() -> None:
    inbox = Inbox()
    inbox.receive(STORE, MINE, [directive(f"d-{n}") for n in range(MOST_WAITING + 5)])
    assert len(inbox.waiting("crawler", "main")) == MOST_WAITING


def drop_by_drop(handler: Handler, _: dict[str, Any]) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    with contextlib.suppress(OSError):
        while not handler.server.let_go.wait(0.05):
            handler.wfile.write(b"x")


def test_questions_without_an_answer_are_bounded(
    dashboard: Dashboard, reporters: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkpoints.reporting.inbox.MOST_QUESTIONS", 2)
    dashboard.always = drop_by_drop
    reporter = reporters()
    before = set(threading.enumerate())
    for _ in range(5):
        assert reporter.fetch_directives("crawler", "main", 0.5, store_url=STORE) == []
    new = [thread.name for thread in set(threading.enumerate()) - before]
    assert new.count("holdfast-inbox") == 2
