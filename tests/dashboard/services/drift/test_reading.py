"""Numbers out of states: read from real stores beside the analysis, once each, within budgets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from dashboard.models import (
    Agent,
    AgentWatch,
    BackfillState,
    Checkpoint,
    DriftBackfill,
    Source,
    StateMetrics,
    User,
)
from dashboard.services import drift, scans, sources
from dashboard.services.drift import backfilling, reading
from dashboard.services.drift.skeletons import skeleton
from tests.benches import Clock
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db
STEPS = 12


def state(step: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"secret {n}"} for n in range(step)]
    return {"messages": messages, "progress": 10.0 * step, "notes": "never kept"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def user(clock: Clock) -> User:
    user = join(User.objects.create_user("ada"))
    user.authenticated_at = clock()
    return user


@pytest.fixture
def source(tmp_path: Path, user: User, clock: Clock) -> Source:
    url = f"sqlite:///{tmp_path}/agents.db"
    with checkpoints.CheckpointManager("crawler", store=url) as manager:
        for step in range(1, STEPS + 1):
            manager.create_checkpoint(state=state(step))
    clock.pass_by(700)
    added = sources.add_source(user=user, url=url, name="agents", now=clock())
    return Source.objects.get(pk=added.pk)


def scan(source: Source, clock: Clock) -> None:
    assert scans.scan_source(source_id=source.pk, now=clock()).outcome == "done"


def test_a_scan_reads_no_state(
    source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a scan read a state")

    monkeypatch.setattr("checkpoints.stores.sqlite.store.SqliteStore.load", forbidden)
    scan(source, clock)

    assert Checkpoint.objects.count() == STEPS
    assert not StateMetrics.objects.exists()


def test_states_are_read_when_their_agent_is_looked_at(source: Source, clock: Clock) -> None:
    scan(source, clock)
    drift.analyse_due(now=clock)

    last = StateMetrics.objects.get(checkpoint__step=STEPS)
    assert last.values["conversation_length"] == STEPS
    assert last.values["progress"] == 10.0 * STEPS
    assert StateMetrics.objects.count() == STEPS
    assert AgentWatch.objects.get().observed == STEPS


def test_no_text_of_a_state_is_kept(source: Source, clock: Clock) -> None:
    scan(source, clock)
    drift.analyse_due(now=clock)

    kept = str(list(StateMetrics.objects.values())) + AgentWatch.objects.get().detector.values
    assert "secret" not in kept
    assert "never kept" not in kept


def test_with_too_little_time_the_newest_are_read(
    source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 3)
    scan(source, clock)
    drift.analyse_due(now=clock)

    steps = StateMetrics.objects.values_list("checkpoint__step", flat=True)
    assert sorted(steps) == [STEPS - 2, STEPS - 1, STEPS]
    assert AgentWatch.objects.get().observed == STEPS


def test_a_state_that_is_too_large_is_left_out_and_says_so(
    source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST", 10)
    scan(source, clock)
    drift.analyse_due(now=clock)

    assert set(StateMetrics.objects.values_list("message", flat=True)) == {reading.TOO_LARGE}


def test_a_store_that_is_away_stops_no_analysis(
    source: Source, clock: Clock, tmp_path: Path
) -> None:
    scan(source, clock)
    (tmp_path / "agents.db").unlink()
    drift.analyse_due(now=clock)

    watch = AgentWatch.objects.get()
    assert watch.observed == STEPS
    assert watch.states_message


def test_a_backfill_reads_what_was_there_before_and_only_once(
    source: Source, user: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 2)
    scan(source, clock)
    drift.analyse_due(now=clock)

    asked = drift.begin_backfill(user=user, source_pk=source.pk, now=clock())
    assert asked.total == STEPS - 2
    with pytest.raises(drift.DriftRefused, match="being read already"):
        drift.begin_backfill(user=user, source_pk=source.pk, now=clock())
    drift.carry_on(backfill_pk=asked.pk, now=clock)
    drift.carry_on(backfill_pk=asked.pk, now=clock)

    asked.refresh_from_db()
    assert (asked.state, asked.done, asked.unread) == (BackfillState.DONE, STEPS - 2, 0)
    assert StateMetrics.objects.count() == STEPS


def test_a_backfill_goes_on_where_a_dead_worker_left_it(
    source: Source, user: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(source, clock)
    asked = drift.begin_backfill(user=user, agent_pk=Agent.objects.get().pk, now=clock())
    monkeypatch.setattr(backfilling, "AT_ONCE", 5)
    real, calls = reading.read_rows, []

    def dies_in_the_second(*args: Any, **values: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit(9)
        return real(*args, **values)

    monkeypatch.setattr(backfilling, "read_rows", dies_in_the_second)
    with pytest.raises(SystemExit):
        drift.carry_on(backfill_pk=asked.pk, now=clock)
    assert not drift.carry_on(backfill_pk=asked.pk, now=clock)
    clock.pass_by(backfilling.LEASE.total_seconds() + 1)
    drift.carry_on(backfill_pk=asked.pk, now=clock)

    asked.refresh_from_db()
    assert (asked.state, asked.done) == (BackfillState.DONE, STEPS)


def test_a_cancelled_backfill_stays_where_it_is(source: Source, user: User, clock: Clock) -> None:
    scan(source, clock)
    asked = drift.begin_backfill(user=user, source_pk=source.pk, now=clock())

    drift.cancel_backfill(user=user, backfill_pk=asked.pk, now=clock())

    assert not drift.carry_on(backfill_pk=asked.pk, now=clock)
    assert DriftBackfill.objects.get().state == BackfillState.CANCELLED
    assert not StateMetrics.objects.exists()


def test_a_round_asks_for_a_backfill_that_nobody_is_at(
    source: Source, user: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(source, clock)
    asked = drift.begin_backfill(user=user, source_pk=source.pk, now=clock())
    hinted: list[int] = []
    monkeypatch.setattr("dashboard.queue.enqueue_drift_backfill", hinted.append)

    drift.look_round(now=clock() + timedelta(minutes=1))

    assert hinted == [asked.pk]


def test_a_skeleton_has_the_form_and_nothing_else() -> None:
    found = skeleton({"a": {"b": "text", "c": [1, 2.5, None, True]}, "empty": [], "none": ""})

    assert found == {"a": {"b": "x", "c": [0, 0, None, False]}, "empty": [], "none": ""}
