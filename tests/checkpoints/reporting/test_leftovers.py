"""``holdfast spool``: what waits to be reported, and sending it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from tests.checkpoints.dashboards import Dashboard, until
from tests.checkpoints.reporting.conftest import Reporters, report


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["spool", *map(str, words)])


@pytest.fixture
def _environment(dashboard: Dashboard, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_DASHBOARD_URL", dashboard.url)
    monkeypatch.setenv("HOLDFAST_TOKEN", "hf_secret")
    monkeypatch.setenv("HOLDFAST_SPOOL", str(spool))


def shown() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("--json").stdout)
    return found


@pytest.mark.usefixtures("_environment")
def test_what_waits_is_shown_by_process(dashboard: Dashboard, reporters: Reporters) -> None:
    dashboard.always = 503
    living, ended = reporters(), reporters()
    report(living, range(3))
    report(ended, range(2))
    until(lambda: living.counters.spooled == 3)
    ended.close(1)
    counts = {(one["dashboard"], one["in_use"], one["checkpoints"]) for one in shown()}
    assert counts == {(dashboard.url, True, 3), (dashboard.url, False, 2)}
    assert "a dead one" in run().stdout


@pytest.mark.usefixtures("_environment")
def test_what_dead_processes_left_is_sent_once(dashboard: Dashboard, reporters: Reporters) -> None:
    dashboard.always = 503
    ended = reporters()
    report(ended, range(150))
    ended.close(1)
    failed = run("--send")
    assert (failed.exit_code, "150 still waiting" in failed.stdout) == (Exit.TRY_AGAIN, True)
    dashboard.always = None
    assert json.loads(run("--send", "--json").stdout)["sent"] == 150
    assert len(dashboard.items) == 150
    assert "Nothing waits" in run().stdout


def test_without_a_dashboard_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HOLDFAST_DASHBOARD_URL", raising=False)
    result = run("--spool", tmp_path, "--send")
    assert (result.exit_code, "nothing was sent" in result.stderr) == (Exit.USAGE, True)
