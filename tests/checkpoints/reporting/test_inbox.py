"""Directives that come back with the answers."""

from __future__ import annotations

import time
from typing import Any

import pytest

from checkpoints import Strategy
from tests.checkpoints.dashboards import Dashboard, until
from tests.checkpoints.reporting.conftest import STORE, Reporters, report


def directive(name: str = "d-1", **changes: Any) -> dict[str, Any]:
    values = {
        "id": name,
        "agent_id": "crawler",
        "thread_id": "main",
        "strategy": "restore_checkpoint",
        "parameters": {"checkpoint_id": "c-1"},
        "reason": "it went astray",
        "issued_at": "2026-11-21T12:00:00+00:00",
    }
    return {**values, **changes}


def test_an_answer_brings_what_waits_for_the_agent(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.directives = [directive()]
    reporter = reporters()
    report(reporter, range(1))
    until(lambda: reporter.directives("crawler", "main"))
    [found] = reporter.directives("crawler", "main")
    assert found.directive.strategy is Strategy.RESTORE_CHECKPOINT
    assert found.directive.parameters == {"checkpoint_id": "c-1"}
    assert reporter.directives("crawler", "other") == []
    assert reporter.directives("crawler", "main", store_url="sqlite:////other.db") == []


def test_what_was_acknowledged_is_told_and_does_not_come_again(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.directives = [directive()]
    reporter = reporters()
    reporter.fetch_directives("crawler", "main", store_url=STORE)
    reporter.acknowledge("d-1", "applied", "restored c-1")
    until(lambda: dashboard.of_type("acknowledgement"))
    [told] = dashboard.of_type("acknowledgement")
    assert (told["directive_id"], told["outcome"]) == ("d-1", "applied")
    assert reporter.fetch_directives("crawler", "main", store_url=STORE) == []


def test_what_an_operator_withdrew_is_gone_with_the_next_answer(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.directives = [directive()]
    reporter = reporters()
    reporter.fetch_directives("crawler", "main", store_url=STORE)
    dashboard.directives = []
    report(reporter, range(1))
    until(lambda: not reporter.directives("crawler", "main"))


def test_a_strategy_of_a_newer_dashboard_is_passed_over(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    dashboard.directives = [directive(strategy="think_again"), directive("d-2")]
    found = reporters().fetch_directives("crawler", "main", store_url=STORE)
    assert [one.id for one in found] == ["d-2"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", None])
def test_asking_never_raises_and_keeps_its_time(
    dashboard: Dashboard, reporters: Reporters, url: str | None
) -> None:
    dashboard.always = "hang"
    begin = time.monotonic()
    assert reporters(url).fetch_directives("crawler", "main", 0.2, store_url=STORE) == []
    assert time.monotonic() - begin < 10
