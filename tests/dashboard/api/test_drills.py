"""Drills through the API: asked for, carried out by the worker, and read."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from dashboard.models import Drill
from dashboard.services import drills
from tests.benches import Bench
from tests.dashboard.api.callers import Caller, problem


def test_a_drill_of_a_source_is_asked_for_and_read(operator: Caller, bench: Bench) -> None:
    asked = operator.post("drills", {"source": bench.source.pk, "checkpoints": 3})

    assert asked.status_code == HTTPStatus.ACCEPTED
    assert asked.json()["outcome"] is None
    drills.carry_out(drill_pk=asked.json()["id"], now=bench.clock)
    found = operator.get(f"drills/{asked.json()['id']}").json()
    assert (found["outcome"], found["proven"]) == ("proven", 3)
    assert all(one["read_back"] for one in found["rehearsals"])


def test_drills_are_listed_with_the_newest_first(operator: Caller, bench: Bench) -> None:
    for _ in range(2):
        asked = operator.post("drills", {"agent": bench.thread().agent_id}).json()
        drills.carry_out(drill_pk=asked["id"], now=bench.clock)

    items = operator.get("drills").json()["items"]

    assert [item["id"] for item in items] == sorted((item["id"] for item in items), reverse=True)
    assert {item["agent"] for item in items} == {bench.thread().agent_id}


def test_a_second_drill_is_refused_while_one_has_not_ended(operator: Caller, bench: Bench) -> None:
    operator.post("drills", {"source": bench.source.pk})

    answer = operator.post("drills", {"source": bench.source.pk})

    assert answer.status_code == HTTPStatus.CONFLICT
    assert problem(answer) == "refused"
    assert Drill.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"source": 1, "agent": 1}, id="both"),
        pytest.param({"source": 1, "checkpoints": 0}, id="none-of-each"),
        pytest.param({"source": 1, "depth": 2}, id="an-unknown-field"),
    ],
)
def test_what_names_no_drill_is_refused(
    operator: Caller, bench: Bench, body: dict[str, int]
) -> None:
    answer = operator.post("drills", body)

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not Drill.objects.exists()
