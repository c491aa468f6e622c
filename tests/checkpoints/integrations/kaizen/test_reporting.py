"""Kaizen's saves are reported to a dashboard as a manager's are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from kaizen.core.autonomy.state import AgentState

from checkpoints.integrations.kaizen import HoldfastStorage
from tests.checkpoints.dashboards import a_dashboard, until


def test_a_save_is_reported_with_its_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_dashboard() as dashboard:
        monkeypatch.setenv("HOLDFAST_DASHBOARD_URL", dashboard.url)
        monkeypatch.setenv("HOLDFAST_TOKEN", "hf_secret")
        monkeypatch.setenv("HOLDFAST_SPOOL", str(tmp_path / "spool"))
        storage = HoldfastStorage(tmp_path, agent="billing")
        state = AgentState(agent_id="autonomous_agent", step_number=7, status="failed")
        asyncio.run(storage.save(state))
        until(lambda: dashboard.of_type("checkpoint"))
        storage.close()
    [item] = dashboard.of_type("checkpoint")
    assert item["checkpoint"]["agent_id"] == "billing"
    assert (item["checkpoint"]["step"], item["checkpoint"]["status"]) == (7, "failed")
    assert item["head"] == {"checkpoint_id": item["checkpoint"]["id"], "version": 1}
