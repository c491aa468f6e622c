"""Recovery-point objectives through the API: set, read with what they come to, taken away."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.utils import timezone

from dashboard.models import AuditEvent, Checkpoint, RecoveryObjective, Thread
from tests.benches import Bench
from tests.dashboard.api.callers import Caller, caller_of, problem


def test_the_nearest_objective_applies_and_is_told_with_where_it_is_set(
    operator: Caller, bench: Bench
) -> None:
    project, agent = bench.source.project_id, bench.thread().agent_id
    operator.put(f"objectives/project/{project}", {"minutes": 120})

    inherited = operator.get(f"objectives/agent/{agent}").json()
    own = operator.put(f"objectives/agent/{agent}", {"minutes": 30}).json()
    again = operator.delete(f"objectives/agent/{agent}").json()

    assert (inherited["minutes"], inherited["set_on"], inherited["own"]) == (120, "project", None)
    assert (own["minutes"], own["set_on"], own["own"]["minutes"]) == (30, "agent", 30)
    assert again == inherited


def test_null_lets_no_objective_apply_from_there_on(operator: Caller, bench: Bench) -> None:
    operator.put(f"objectives/project/{bench.source.project_id}", {"minutes": 120})
    found = operator.put(f"objectives/source/{bench.source.pk}", {"minutes": None}).json()
    assert (found["minutes"], found["set_on"]) == (None, "source")


def test_an_agents_recovery_point_says_whether_it_is_too_old(
    operator: Caller, bench: Bench
) -> None:
    agent = bench.thread().agent_id
    saved = timezone.now() - timedelta(hours=1)
    Thread.objects.update(status="running")
    Checkpoint.objects.update(created_at=saved, status="running")

    point = operator.put(f"objectives/agent/{agent}", {"minutes": 30}).json()["recovery_point"]

    assert (point["live"], point["missed"]) == (True, True)
    assert operator.get(f"objectives/source/{bench.source.pk}").json()["recovery_point"] is None


def test_objectives_are_listed_the_last_changed_first(operator: Caller, bench: Bench) -> None:
    operator.put(f"objectives/project/{bench.source.project_id}", {"minutes": 120})
    operator.put(f"objectives/source/{bench.source.pk}", {"minutes": 30})
    listed = [(one["level"], one["minutes"]) for one in operator.get("objectives").json()["items"]]
    assert listed == [("source", 30), ("project", 120)]


def test_setting_and_removing_stand_in_the_audit_log(operator: Caller, bench: Bench) -> None:
    operator.put(f"objectives/source/{bench.source.pk}", {"minutes": 30})
    operator.delete(f"objectives/source/{bench.source.pk}")
    operator.delete(f"objectives/source/{bench.source.pk}")
    events = AuditEvent.objects.filter(action__startswith="objective").order_by("pk")
    assert [event.action for event in events] == ["objective.set", "objective.removed"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"minutes": 0}, id="no-time"),
        pytest.param({"minutes": 366 * 24 * 60 + 1}, id="more-than-a-year"),
        pytest.param({"minutes": "30min"}, id="a-text"),
        pytest.param({"minutes": 30, "hours": 1}, id="an-unknown-field"),
    ],
)
def test_what_is_no_objective_is_refused(
    operator: Caller, bench: Bench, body: dict[str, Any]
) -> None:
    answer = operator.put(f"objectives/source/{bench.source.pk}", body)
    assert (answer.status_code, problem(answer)) == (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid")
    assert not RecoveryObjective.objects.exists()


def test_a_thread_has_no_objective(operator: Caller, bench: Bench) -> None:
    answer = operator.put(f"objectives/thread/{bench.thread().pk}", {"minutes": 30})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_token_that_may_only_read_sets_none(bench: Bench) -> None:
    answer = caller_of(bench.user, "read").put(
        f"objectives/source/{bench.source.pk}", {"minutes": 30}
    )
    assert (answer.status_code, problem(answer)) == (HTTPStatus.FORBIDDEN, "scope_missing")
