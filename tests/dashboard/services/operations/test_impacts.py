"""What a restore would mean, as its page asks for it: bounded, and never in the way."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import checkpoints
from dashboard.models import Checkpoint, Role, Source
from dashboard.services.operations import impacts
from dashboard.services.operations.impacts import RestoreImpact, impact_of_restore, writers_of
from tests.benches import Bench, Clock, register
from tests.dashboard.index import make_thread, save_rows
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db
CALL = {"role": "assistant", "tool_calls": [{"id": "c1", "name": "send_mail", "args": {"to": "b"}}]}
ANSWER = {"role": "tool", "tool_call_id": "c1", "content": "sent"}


@pytest.fixture
def calling(tmp_path: Path) -> Bench:
    """An agent that called a tool, recorded what it did outside, and went on."""
    url = f"sqlite:///{tmp_path}/calls.db"
    with checkpoints.CheckpointManager("agent", store=url) as manager:
        manager.create_checkpoint(state={"messages": []}, step_name="plan")
        manager.create_checkpoint(state={"messages": [CALL]}, step_name="decide")
        manager.record_effect("mail", "invoice-7")
        manager.create_checkpoint(state={"messages": [CALL, ANSWER]}, step_name="act")
    return register(url, thread_id="main", clock=Clock(datetime.now(UTC)))


def impact(bench: Bench, row: Checkpoint) -> RestoreImpact:
    return impact_of_restore(user=bench.user, checkpoint_pk=row.pk, now=bench.clock())


def test_steps_effects_calls_and_the_state_are_told(calling: Bench) -> None:
    found = impact(calling, calling.rows()[0]).impact
    assert found is not None
    assert [step.name for step in found.reruns] == ["decide", "act"]
    assert [effect.key for effect in found.effects] == ["invoice-7"]
    assert [(call.name, call.has_result) for call in found.tool_calls] == [("send_mail", True)]
    assert found.diff.fields == ("messages",)
    assert impact(calling, calling.rows()[0]).rerun_summary == "decide, act"


def test_a_store_that_is_gone_is_said_and_nothing_is_raised(calling: Bench, tmp_path: Path) -> None:
    row = calling.rows()[0]
    (tmp_path / "calls.db").rename(tmp_path / "elsewhere.db")
    found = impact(calling, row)
    assert found.impact is None
    assert "there is no store here" in found.problem


def test_a_state_beyond_the_bound_is_not_read(calling: Bench) -> None:
    row = calling.rows()[0]
    Checkpoint.objects.filter(pk=row.pk).update(size=impacts.LARGEST_STATE + 1)
    found = impact(calling, row)
    assert found.impact is None
    assert "17 MB is too large" in found.problem


def test_a_state_that_breaks_the_work_is_said_plainly(
    calling: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(impacts, "read_impact", break_down)
    found = impact(calling, calling.rows()[0])
    assert found.impact is None
    assert "could not be worked through" in found.problem


def test_a_damaged_target_is_a_problem_and_not_an_error(calling: Bench, tmp_path: Path) -> None:
    row = calling.rows()[0]
    with sqlite3.connect(tmp_path / "calls.db") as connection:
        connection.execute("UPDATE checkpoints SET frame = x'00' WHERE position = 1")
    connection.close()
    found = impact(calling, row)
    assert found.impact is None
    assert row.checkpoint_id in found.problem


def test_a_store_that_only_reports_has_no_impact(calling: Bench) -> None:
    Source.objects.update(connected=False)
    assert impact(calling, calling.rows()[0]).problem


def test_a_viewer_may_look(calling: Bench) -> None:
    join(calling.user, Role.VIEWER)
    assert impact(calling, calling.rows()[0]).impact is not None


def test_each_run_that_writes_a_thread_is_judged_by_its_own_saves(now: datetime) -> None:
    mine = make_thread(now, agent_id="planner", thread_id="shared", saves=0)
    other = make_thread(now, agent_id="worker", thread_id="shared", saves=0)
    save_rows(mine, now - timedelta(hours=2), 5)
    save_rows(other, now - timedelta(minutes=5), 5)
    writers = writers_of(mine, now)
    assert [(writer.agent_id, writer.alive) for writer in writers] == [
        ("worker", True),
        ("planner", False),
    ]


def test_of_silent_runs_only_an_agents_last_is_told(now: datetime) -> None:
    thread = make_thread(now, agent_id="planner", saves=0)
    for hours, run in ((9, "first"), (5, "second")):
        rows = save_rows(thread, now - timedelta(hours=hours), 4)
        Checkpoint.objects.filter(pk__in=[row.pk for row in rows]).update(run_id=run)
    assert [(w.run_id, w.alive) for w in writers_of(thread, now)] == [("second", False)]


def test_the_main_threads_of_other_agents_do_not_write_this_one(now: datetime) -> None:
    mine = make_thread(now, agent_id="planner")
    make_thread(now, agent_id="worker")
    assert [writer.agent_id for writer in writers_of(mine, now)] == ["planner"]
