"""A state whose agent is hostile stops neither the look at its agent nor that at others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.stores.sqlite.store import SqliteStore
from dashboard.models import AgentDetectorState, AgentWatch, Source, StateMetrics, User
from dashboard.selectors.drift_series import read_detector
from dashboard.services import drift, scans, sources
from dashboard.services.drift import reading
from tests.benches import Clock
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db
NUL, HALF = "a\x00b", "a\ud800b"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def user(clock: Clock) -> User:
    user = join(User.objects.create_user("ada"))
    user.authenticated_at = clock()
    return user


def looked_at(folder: Path, user: User, clock: Clock, *states: dict[str, Any]) -> Source:
    """Save states, take them in and look at them."""
    url = f"sqlite:///{folder}/agents.db"
    with checkpoints.CheckpointManager("crawler", store=url) as manager:
        for state in states:
            manager.create_checkpoint(state=state)
    clock.pass_by(700)
    added = sources.add_source(user=user, url=url, name="agents", now=clock())
    source = Source.objects.get(pk=added.pk)
    assert scans.scan_source(source_id=source.pk, now=clock()).outcome == "done"
    drift.analyse_due(now=clock)
    return source


@pytest.mark.parametrize(
    "state",
    [
        {NUL: 1.0, "progress": 5.0},
        {HALF: 1.0, "progress": 5.0},
        {"inner": {NUL: {HALF: 1}}, "progress": 5.0},
        {"messages": [{"role": "assistant", "tool_calls": [{"name": NUL, "args": {HALF: NUL}}]}]},
        {
            "tool_usage_counts": {NUL: 10**300, "b": float("inf"), "c": float("nan")},
            "plan": [{"status": 10**300}, {"status": [[[[]]]]}],
            "budget": {"spent_usd": "1"},
        },
    ],
)
def test_names_that_no_database_keeps_stop_no_look(
    tmp_path: Path, user: User, clock: Clock, state: dict[str, Any]
) -> None:
    looked_at(tmp_path, user, clock, state, state)

    watch = AgentWatch.objects.get()
    assert (watch.enabled, watch.waiting, watch.observed, watch.message) == (True, False, 2, "")
    assert list(StateMetrics.objects.values_list("message", flat=True)) == ["", ""]


def test_a_state_that_cannot_be_decoded_hides_no_other(
    tmp_path: Path, user: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SqliteStore.load

    def load(self: SqliteStore, record: checkpoints.Checkpoint) -> Any:
        if record.step == 3:
            raise RecursionError("too deep")
        return real(self, record)

    monkeypatch.setattr(SqliteStore, "load", load)
    looked_at(tmp_path, user, clock, *({"progress": float(n)} for n in range(3)))

    read = StateMetrics.objects.order_by("checkpoint__step")
    assert [one.values.get("progress") for one in read] == [0.0, 1.0, None]
    assert "RecursionError" in read[2].message


def test_a_large_parent_of_a_small_state_is_not_read(
    tmp_path: Path, user: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST", 2_000)
    read: list[int | None] = []
    real = SqliteStore.load

    def load(self: SqliteStore, record: checkpoints.Checkpoint) -> Any:
        read.append(record.size)
        return real(self, record)

    monkeypatch.setattr(SqliteStore, "load", load)
    called = {"role": "assistant", "tool_calls": [{"id": "1", "name": "search", "args": {}}]}
    calls = [called, {"role": "tool", "tool_call_id": "1", "content": "found"}]
    large, small = {"notes": "x" * 10_000}, {"messages": calls}
    looked_at(tmp_path, user, clock, large, small)

    assert StateMetrics.objects.filter(message="").count() == 1
    assert max(size or 0 for size in read) <= 2_000


def test_a_state_that_grew_since_it_was_listed_is_not_read(
    tmp_path: Path, user: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SqliteStore.get
    monkeypatch.setattr(
        SqliteStore,
        "get",
        lambda self, *args, **names: replace(
            real(self, *args, **names), size=200_000_000, stored_size=200_000_000
        ),
    )
    looked_at(tmp_path, user, clock, {"progress": 1.0})

    assert StateMetrics.objects.get().message == reading.TOO_LARGE


@pytest.mark.parametrize(
    "values",
    [
        "[]",
        "null",
        "7",
        "{}",
        '{"detector": []}',
        '{"detector": null}',
        '{"detector": {"format": 999}}',
        "[" * 100_000,
        "1" * 5_000,
    ],
)
def test_what_no_detector_wrote_is_learned_anew(
    tmp_path: Path, user: User, clock: Clock, values: str
) -> None:
    looked_at(tmp_path, user, clock, {"progress": 1.0}, {"progress": 2.0})
    _forge(values)

    assert read_detector(AgentWatch.objects.get().pk) is None
    drift.analyse_due(now=clock)
    assert AgentWatch.objects.get().message == ""
    assert read_detector(AgentWatch.objects.get().pk) is not None


@pytest.mark.parametrize("wrong", [None, [], {}, "x", -1, [[1]], [None], {"a": []}])
@pytest.mark.parametrize(
    "part", ["series", "judges", "fusion", "places", "count", "sensitivity", "sensitivities"]
)
def test_a_detector_of_which_a_part_is_wrong_stops_no_look(
    tmp_path: Path, user: User, clock: Clock, part: str, wrong: Any
) -> None:
    looked_at(tmp_path, user, clock, {"progress": 1.0}, {"progress": 2.0})
    values = json.loads(AgentDetectorState.objects.get().values)
    values["detector"][part] = wrong
    _forge(json.dumps(values))

    read_detector(AgentWatch.objects.get().pk)
    drift.analyse_due(now=clock)
    assert AgentWatch.objects.get().message == ""


def _forge(values: str) -> None:
    AgentDetectorState.objects.update(values=values)
    AgentWatch.objects.update(waiting=True, lease_until=None)
