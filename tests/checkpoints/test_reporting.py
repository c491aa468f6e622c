"""Reporting to a dashboard: in the background, and never at the agent's cost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from checkpoints import CheckpointManager
from checkpoints.reporting import Reporter
from checkpoints.stores.memory import MemoryStore


class Dashboard(ThreadingHTTPServer):
    """A real HTTP server that answers as it is told and remembers what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.got: list[tuple[str, str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.answers.pop(0) if self.server.answers else 201
        if status == 201:
            self.server.got.append((self.path, self.headers["Authorization"], body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    server = Dashboard()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def save(reporter: Reporter, count: int = 1) -> None:
    with CheckpointManager("agent-1", store=MemoryStore(), reporter=reporter) as manager:
        for n in range(count):
            manager.create_checkpoint(state={"n": n})


def test_each_save_is_pushed_with_its_head(dashboard: Dashboard) -> None:
    save(Reporter(dashboard.url, "hf_secret"), count=3)
    assert len(dashboard.got) == 3
    path, authorization, body = dashboard.got[-1]
    assert (path, authorization) == ("/api/v1/checkpoints", "Bearer hf_secret")
    assert body["source"] == {"url": "memory://"}
    assert body["checkpoint"]["step"] == 3
    assert body["head"] == {"checkpoint_id": body["checkpoint"]["id"], "version": 3}


def test_states_are_not_sent(dashboard: Dashboard) -> None:
    save(Reporter(dashboard.url, "hf_secret"))
    assert "state" not in dashboard.got[0][2]["checkpoint"]


def test_a_dashboard_that_fails_is_tried_again(dashboard: Dashboard) -> None:
    dashboard.answers = [500, 503]
    reporter = Reporter(dashboard.url, "hf_secret")
    manager = CheckpointManager("agent-1", store=MemoryStore(), reporter=reporter)
    manager.create_checkpoint(state={})
    deadline = time.monotonic() + 10
    while not dashboard.got and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(dashboard.got) == 1
    manager.close()


def test_a_refusal_is_counted_and_not_repeated(dashboard: Dashboard) -> None:
    dashboard.answers = [422]
    reporter = Reporter(dashboard.url, "hf_secret")
    save(reporter)
    assert (reporter.refused, reporter.sent, len(dashboard.got)) == (1, 0, 0)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "not a url", "http://[::1"])
def test_a_dashboard_that_is_not_there_costs_the_agent_nothing(url: str) -> None:
    reporter = Reporter(url, "hf_secret")
    store = MemoryStore()
    manager = CheckpointManager("agent-1", store=store, reporter=reporter)
    for n in range(5):
        manager.create_checkpoint(state={"n": n})
    reporter.close(timeout=2)
    assert len(store.history("agent-1", "main")) == 5


def test_the_environment_makes_a_manager_report(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_DASHBOARD_URL", dashboard.url)
    monkeypatch.setenv("HOLDFAST_TOKEN", "hf_secret")
    with CheckpointManager("agent-1", store=MemoryStore()) as manager:
        manager.create_checkpoint(state={})
    assert len(dashboard.got) == 1


def test_a_token_that_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOLDFAST_DASHBOARD_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("HOLDFAST_TOKEN", raising=False)
    assert Reporter.from_environment() is None
    assert "HOLDFAST_TOKEN is not" in caplog.text


def test_what_is_wrong_is_said_once(dashboard: Dashboard, caplog: pytest.LogCaptureFixture) -> None:
    dashboard.answers = [403, 403, 403]
    save(Reporter(dashboard.url, "hf_secret"), count=3)
    assert caplog.text.count("refused a checkpoint: it answered 403") == 1
