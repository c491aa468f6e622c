"""What is reported, and what an agent and its developer see of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from checkpoints import CheckpointManager
from checkpoints.reporting import Counters, Reporter
from checkpoints.stores.memory import MemoryStore
from tests.checkpoints.dashboards import Dashboard, until
from tests.checkpoints.reporting.conftest import AT, STORE, Reporters, head, record, report


def save(reporter: Reporter, count: int = 1) -> None:
    with CheckpointManager("agent-1", store=MemoryStore(), reporter=reporter) as manager:
        for n in range(count):
            manager.create_checkpoint(state={"n": n})


def test_each_save_is_reported_with_its_head(dashboard: Dashboard, reporters: Reporters) -> None:
    save(reporters(), count=3)
    [*_, item] = dashboard.of_type("checkpoint")
    assert len(dashboard.items) == 3
    assert {body["source"]["url"] for body in dashboard.requests} == {"memory://"}
    assert dashboard.asked[0][1:] == ("/api/v1/reports", "Bearer hf_secret")
    assert item["checkpoint"]["step"] == 3
    assert item["head"] == {"checkpoint_id": item["checkpoint"]["id"], "version": 3}


def test_states_are_not_sent(dashboard: Dashboard, reporters: Reporters) -> None:
    save(reporters())
    assert "state" not in dashboard.of_type("checkpoint")[0]["checkpoint"]


def test_what_was_reported_stays_as_it_was(dashboard: Dashboard, reporters: Reporters) -> None:
    reporter, metadata = reporters(), {"plan": ["search"]}
    reporter.report(STORE, record(metadata=metadata), head())
    metadata["plan"].append("fetch")
    reporter.close()
    assert dashboard.of_type("checkpoint")[0]["checkpoint"]["metadata"] == {"plan": ["search"]}


def test_a_failure_is_reported_with_the_frames_next_to_it(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    try:
        raise ValueError("no such page" * 1000)
    except ValueError as error:
        reporter.report_failure(
            "crawler", "main", error, step=3, step_name="fetch", store_url=STORE
        )
    reporter.close()
    [item] = dashboard.of_type("failure")
    assert (item["error_type"], item["step"]) == ("ValueError", 3)
    assert item["message"].startswith("no such page")
    assert len(item["message"]) < 4_100
    assert item["traceback"].rstrip().endswith("no such page")
    assert len(item["traceback"]) <= 16_000


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("never")


def test_an_error_about_a_name_that_is_no_utf8_is_reported_all_the_same(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    error = FileNotFoundError(os.fsdecode(b"caf\xe9"))
    reporter.report_failure("crawler", "main", error, store_url=STORE)
    reporter.report_resume(
        "crawler", "main", "run-1", None, "failed", error=str(error), store_url=STORE
    )
    until(lambda: reporter.counters.sent == 2)
    [failure], [resume] = dashboard.of_type("failure"), dashboard.of_type("resume")
    assert failure["message"] == resume["error"] == "caf\\udce9"


def test_an_error_that_cannot_be_printed_is_reported_all_the_same(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    reporter.report_failure("crawler", "main", Unprintable(), store_url=STORE)
    reporter.close()
    assert dashboard.of_type("failure")[0]["error_type"].endswith("Unprintable")


@dataclass
class Mail:
    agent_id: str = "crawler"
    thread_id: str = "main"
    name: str = "mail"
    key: str = "invoice-7"
    recorded_at: datetime = AT
    checkpoint_id: str | None = "c-1"


def test_metrics_effects_and_resumes_are_reported_for_the_threads_store(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    reporter.introduce(STORE, "crawler", "main")
    reporter.report_metrics("crawler", "main", {"loss": 0.5, "lost": math.nan}, step=4)
    reporter.report_effect(Mail())
    reporter.report_resume("crawler", "main", "run-1", "c-1", "failed", error="no head")
    reporter.close()
    assert {body["source"]["url"] for body in dashboard.requests} == {STORE}
    assert dashboard.of_type("metrics")[0]["values"] == {"loss": 0.5}
    assert dashboard.of_type("effect")[0]["key"] == "invoice-7"
    assert dashboard.of_type("resume")[0]["error"] == "no head"


def test_without_a_store_a_report_is_counted_and_said(
    reporters: Reporters, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = reporters()
    reporter.report_metrics("crawler", "main", {"loss": 0.5})
    assert reporter.counters == Counters(dropped=1)
    assert "in which store its thread lies was never told" in caplog.text


def test_a_batch_is_about_one_store(dashboard: Dashboard, reporters: Reporters) -> None:
    reporter = reporters()
    for step in range(6):
        reporter.report(f"sqlite:////srv/{step // 3}.db", record(step), head(step))
    reporter.close()
    found = {body["source"]["url"]: len(body["items"]) for body in dashboard.requests}
    assert found == {"sqlite:////srv/0.db": 3, "sqlite:////srv/1.db": 3}


def test_a_reporter_that_was_closed_goes_on_with_the_next_report(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    report(reporter, range(2))
    reporter.close()
    report(reporter, range(2, 4))
    reporter.close()
    assert len(dashboard.items) == 4
    assert reporter.counters == Counters(sent=4)


def test_metadata_that_cannot_be_sent_costs_only_itself(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    reporter.report(STORE, record(1, metadata={"text": "x" * 300_000}), head())
    reporter.report(STORE, record(2, metadata={"half": "\ud800"}), head())
    reporter.close()
    notes = [item["checkpoint"]["metadata"] for item in dashboard.of_type("checkpoint")]
    assert [list(note) for note in notes] == [["not reported"], ["not reported"]]


def test_the_environment_makes_a_manager_report(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    monkeypatch.setenv("HOLDFAST_DASHBOARD_URL", dashboard.url)
    monkeypatch.setenv("HOLDFAST_TOKEN", "hf_secret")
    monkeypatch.setenv("HOLDFAST_SPOOL", str(spool))
    assert Reporter.from_environment() is Reporter.from_environment()
    with CheckpointManager("agent-1", store=MemoryStore()) as manager:
        manager.create_checkpoint(state={})
    assert len(dashboard.items) == 1


def test_a_token_that_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOLDFAST_DASHBOARD_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("HOLDFAST_TOKEN", raising=False)
    assert Reporter.from_environment() is None
    assert "HOLDFAST_TOKEN is not" in caplog.text


def test_a_child_sends_its_own_reports_and_leaves_its_parents_alone(
    dashboard: Dashboard, reporters: Reporters
) -> None:
    reporter = reporters()
    dashboard.always = 503
    report(reporter, range(1, 4))
    until(lambda: reporter.counters.spooled == 3)
    child = os.fork()
    if child == 0:
        report(reporter, range(10, 12))
        reporter.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert reporter.counters.spooled == 3
    dashboard.always = None
    until(lambda: reporter.counters.sent == 3)
    reporter.close()
    again = reporters()
    report(again, range(20, 21))
    until(lambda: len(dashboard.items) == 6)
