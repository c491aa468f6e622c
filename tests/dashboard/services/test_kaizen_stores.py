"""What Kaizen's agents keep in a store of Holdfast's appears in the dashboard as any agent's."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from kaizen.core.autonomy.state import AgentState, StateManager

from checkpoints.integrations.kaizen import HoldfastStorage
from dashboard.models import Agent, Checkpoint, Source, Thread
from dashboard.services.scans import ScanOutcome, scan_source


@pytest.mark.django_db
def test_agent_steps_statuses_and_head_are_taken_in(tmp_path: Path, now: datetime) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    manager = StateManager(storage=HoldfastStorage(url, agent="billing"), retention_count=2)
    for step, status in enumerate(("running", "running", "failed"), start=1):
        state = AgentState(
            agent_id="autonomous_agent",
            checkpoint_id=f"ckpt_{step}",
            step_number=step,
            status=status,
            timestamp=now + timedelta(seconds=step),
            budget_spent_usd=0.5,
        )
        asyncio.run(manager.save_checkpoint(state))
    asyncio.run(manager.fork_from_checkpoint("ckpt_2"))
    source = Source.objects.create(name="store", url=url, kind="store", created_at=now)
    assert scan_source(source_id=source.pk, now=now).outcome is ScanOutcome.DONE
    assert [agent.agent_id for agent in Agent.objects.all()] == ["billing"]
    head = Thread.objects.get().head
    assert head is not None
    assert (head.checkpoint_id, head.step, head.status) == ("ckpt_3", 3, "failed")
    assert head.metrics == {"budget_spent_usd": 0.5}
    listed = Checkpoint.objects.filter(removed_at=None).order_by("step", "status")
    assert [row.step for row in listed] == [2, 2, 3]
