"""Dashboards that are away, hang, fail, refuse or cut the line: all arrives later, once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from checkpoints import CheckpointManager
from checkpoints.reporting import Counters, Reporter
from checkpoints.stores.memory import MemoryStore
from tests.checkpoints.dashboards import Dashboard, a_dashboard, until
from tests.checkpoints.reporting.conftest import STORE, Reporters, head, record, report


@pytest.mark.parametrize("trouble", [500, 502, 503, 429, 408, 401, 403, 404, 301, "page", "cut"])
def test_what_a_dashboard_does_not_take_now_arrives_later_once(
    dashboard: Dashboard, reporters: Reporters, trouble: object
) -> None:
    dashboard.answers = [trouble] * 3
    reporter = reporters()
    report(reporter, range(5))
    until(lambda: reporter.counters.sent == 5)
    assert sorted(item["checkpoint"]["step"] for item in dashboard.items.values()) == [*range(5)]
    assert (reporter.counters.retries, reporter.counters.refused) == (3, 0)


def test_a_dashboard_that_is_away_gets_everything_when_it_is_back(reporters: Reporters) -> None:
    with a_dashboard() as gone:
        port, url = gone.server_port, gone.url
    reporter = reporters(url)
    report(reporter, range(5))
    until(lambda: reporter.counters.retries > 0)
    with a_dashboard(port) as back:
        until(lambda: reporter.counters.sent == 5)
        assert len(back.items) == 5


def test_a_hanging_dashboard_keeps_nothing_from_the_disk(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.always = "hang"
    reporter = reporters(timeout=30.0)
    report(reporter, range(3))
    until(lambda: len(dashboard.asked) == 1)
    report(reporter, range(3, 6))
    until(lambda: reporter.counters.spooled == 6)
    assert reporter.counters.waiting == 0


def test_closing_ends_while_a_dashboard_hangs_and_leaves_the_rest(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.always = "hang"
    reporter = reporters(timeout=30.0)
    report(reporter, range(3))
    reporter.close(0.3)
    assert reporter.counters == Counters(spooled=3)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_kept(dashboard: Dashboard, reporters: Reporters, form: str) -> None:
    at = datetime.now(UTC) + timedelta(seconds=3)
    told = "1" if form == "seconds" else format_datetime(at, usegmt=True)
    dashboard.answers = [(503, told)]
    reporter = reporters()
    report(reporter, range(1))
    until(lambda: reporter.counters.sent == 1)
    first, second = (asked[0] for asked in dashboard.asked)
    assert second - first >= 0.9


def test_a_batch_that_is_too_large_is_halved(dashboard: Dashboard, reporters: Reporters) -> None:
    dashboard.most = 3
    reporter = reporters()
    report(reporter, range(20))
    until(lambda: reporter.counters.sent == 20)
    assert max(len(body["items"]) for body in dashboard.requests) <= 3


def test_an_item_that_spoils_its_batch_is_refused_alone(
    dashboard: Dashboard, reporters: Reporters, caplog: pytest.LogCaptureFixture
) -> None:
    dashboard.unfit = lambda item: item["checkpoint"]["step"] in (7, 8)
    reporter = reporters()
    report(reporter, range(20))
    until(lambda: reporter.counters.sent == 18)
    until(lambda: reporter.counters.spooled == 0)
    assert reporter.counters.refused == 2
    assert caplog.text.count("refused a report: items[0]: not fit") == 1


def test_an_item_on_which_a_dashboard_breaks_holds_nothing_back(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.breaks = lambda item: item["checkpoint"]["step"] == 7
    reporter = reporters()
    report(reporter, range(20))
    until(lambda: reporter.counters.sent == 19)
    assert (reporter.counters.spooled, reporter.counters.refused) == (1, 0)
    dashboard.breaks = lambda item: False
    until(lambda: reporter.counters.sent == 20)
    assert len(dashboard.items) == 20


def test_what_a_dashboard_refuses_is_counted_and_said_once(
    dashboard: Dashboard, reporters: Reporters, caplog: pytest.LogCaptureFixture
) -> None:
    dashboard.refuses = lambda item: item["checkpoint"]["step"] % 2 == 1
    reporter = reporters()
    report(reporter, range(10))
    reporter.close()
    assert reporter.counters == Counters(sent=5, refused=5)
    assert caplog.text.count("the dashboard refused a report: refused") == 1


def test_what_is_wrong_is_said_once(
    dashboard: Dashboard, reporters: Reporters, caplog: pytest.LogCaptureFixture
) -> None:
    dashboard.answers = [500] * 5
    reporter = reporters()
    report(reporter, range(3))
    until(lambda: reporter.counters.sent == 3)
    assert caplog.text.count("told to answer 500") == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "not a url", "http://[::1", "http://"])
def test_an_address_where_nothing_is_costs_the_agent_nothing(
    reporters: Reporters, url: str
) -> None:
    reporter, store = reporters(url), MemoryStore()
    manager = CheckpointManager("agent-1", store=store, reporter=reporter)
    for n in range(5):
        manager.create_checkpoint(state={"n": n})
    reporter.close(2)
    assert len(store.history("agent-1", "main")) == 5
    assert reporter.counters.spooled == 5


@pytest.mark.parametrize("token", ["hf_é", "hf_\n"])
def test_a_token_that_no_header_can_hold_is_said_and_raises_nothing(
    dashboard: Dashboard, spool: Path, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    reporter = Reporter(dashboard.url, token, spool=spool)
    report(reporter, range(1))
    reporter.close(2)
    assert "cannot be reached" in caplog.text
    assert reporter.counters.spooled == 1


def test_pauses_are_spread_and_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    from checkpoints.reporting.pauses import Pauses

    monkeypatch.setattr("checkpoints.reporting.pauses._chance", lambda: 1.0)
    pauses = Pauses(0.5, 60.0)
    assert [pauses.next() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("trouble", ["hang", "dribble"])
def test_reports_go_on_after_a_dashboard_was_too_slow(
    dashboard: Dashboard, reporters: Reporters, trouble: str
) -> None:
    dashboard.answers = [trouble]
    reporter = reporters(timeout=0.3)
    report(reporter, range(10))
    until(lambda: reporter.counters.sent == 10)
    assert len(dashboard.items) == 10


def test_too_many_reports_for_the_memory_are_dropped_and_counted(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters(queue_items=5)
    report(reporter, range(50))
    reporter.close()
    counters = reporter.counters
    assert counters.dropped > 0
    assert counters.sent + counters.dropped == 50


def test_closing_does_not_wait_out_a_retry_after(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.always = (503, "3600")
    reporter = reporters()
    reporter.report(STORE, record(), head())
    until(lambda: reporter.counters.retries == 1)
    begin = time.monotonic()
    reporter.close(30)
    assert time.monotonic() - begin < 20
    assert reporter.counters.spooled == 1
