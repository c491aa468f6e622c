"""Checkpoints that a restore wrote can be told from those that the agent saved."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dashboard.models import Checkpoint, Operation, Thread
from dashboard.services import operations, scans
from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.index import make_thread

BADGE = "restored</span>"
pytestmark = pytest.mark.django_db


@pytest.fixture
def restored(samples: Path, tmp_path: Path) -> tuple[Bench, Operation]:
    """A LangGraph thread in which a restore has written a copy."""
    file = tmp_path / "graph.sqlite"
    shutil.copy(samples / "langgraph.sqlite", file)
    bench = register(f"langgraph+sqlite:///{file}", thread_id="support-001", clock=Clock())
    operation = bench.run(bench.request(bench.rows()[1]))
    scans.scan_source(source_id=bench.source.pk, now=bench.clock())
    return bench, operation


def test_the_copy_has_a_badge_and_leads_to_its_operation(
    browser: Client, restored: tuple[Bench, Operation]
) -> None:
    bench, operation = restored
    thread = bench.thread()
    timeline = browser.get(f"/agents/{thread.agent_id}/x/threads/{thread.pk}/").content.decode()
    copy = browser.get(f"/checkpoints/{thread.head_id}/").content.decode()
    assert timeline.count(BADGE) == 1
    assert BADGE in copy
    assert f'href="/operations/{operation.pk}/"' in copy


def test_what_the_agent_saved_has_none(browser: Client, restored: tuple[Bench, Operation]) -> None:
    row = restored[0].rows()[1]
    assert BADGE not in browser.get(f"/checkpoints/{row.pk}/").content.decode()


@pytest.mark.parametrize("kind", ["langgraph", "native"])
def test_a_forks_first_checkpoint_says_where_it_is_from(
    browser: Client, samples: Path, tmp_path: Path, kind: str
) -> None:
    bench = _bench(kind, samples, tmp_path)
    origin = bench.rows()[1]
    operation = bench.run(_fork(bench, origin))
    thread = Thread.objects.get(thread_id="aside")
    body = browser.get(f"/checkpoints/{thread.head_id}/").content.decode()
    assert "forked</span>" in body
    assert BADGE not in body
    assert f'href="/operations/{operation.pk}/"' in body
    assert f'href="/checkpoints/{origin.pk}/"' in body


def _bench(kind: str, samples: Path, tmp_path: Path) -> Bench:
    if kind == "native":
        url = f"sqlite:///{tmp_path}/agents.db"
        save_steps(url)
        return register(url, thread_id="main", clock=Clock())
    file = tmp_path / "graph.sqlite"
    shutil.copy(samples / "langgraph.sqlite", file)
    return register(f"langgraph+sqlite:///{file}", thread_id="support-001", clock=Clock())


def _fork(bench: Bench, origin: Checkpoint) -> Operation:
    who: dict[str, Any] = {"user": bench.user, "now": bench.clock()}
    draft = operations.draft_fork(
        checkpoint_pk=origin.pk, thread_id="aside", idempotency_key="k", **who
    )
    asked: dict[str, Any] = {
        "operation_id": draft.pk,
        "plan_hash": draft.plan_hash,
        "reason": "to look",
    }
    return operations.confirm(**asked, **who)


@pytest.mark.parametrize("mark", ["00000000-0000-0000-0000-000000000000", "no uuid", 7])
def test_a_mark_of_another_dashboard_leads_nowhere(
    browser: Client, now: datetime, mark: object
) -> None:
    row = make_thread(now).checkpoints.get(step=1)
    row.metadata = {"holdfast_operation_id": mark}
    row.save()
    body = browser.get(f"/checkpoints/{row.pk}/").content.decode()
    assert "an operation that is not known here" in body
