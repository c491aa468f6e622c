"""The audit log through the API: for those who administer, and checked on request."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from dashboard.models import AuditEvent, Project, Role, User
from dashboard.services import audit
from tests.benches import Bench
from tests.dashboard.api.callers import Caller, caller_of, problem
from tests.dashboard.api.test_operations import place, run
from tests.dashboard.people import join, log_in
from tests.flushing import unprotected


@pytest.fixture
def administrator(bench: Bench) -> Caller:
    """A program of an administrator of the project."""
    return caller_of(join(User.objects.create(username="chief"), Role.ADMIN), "read")


def test_who_administers_reads_what_was_done(
    operator: Caller, administrator: Caller, bench: Bench
) -> None:
    placed = place(operator, bench, "restore")
    run(bench, placed)

    items = administrator.get("audit?action=operation.").json()["items"]

    assert {one["target"] for one in items} == {placed["id"]}
    assert items[-1]["actor"] == "operator"
    assert items[-1]["action"] == "operation.requested"
    assert [one["sequence"] for one in items] == sorted(
        (one["sequence"] for one in items), reverse=True
    )


def test_an_operator_reads_no_audit_log(operator: Caller) -> None:
    assert problem(operator.get("audit")) == "forbidden"
    assert problem(operator.get("audit/verify")) == "forbidden"


def test_events_of_other_projects_are_not_read(administrator: Caller, bench: Bench) -> None:
    theirs = Project.objects.create(name="Theirs", slug="theirs", created_at=bench.clock())
    for project in (theirs, bench.source.project):
        audit.record(
            user=None,
            action="test.done",
            target=project.slug,
            details={},
            project=project,
            now=bench.clock(),
        )

    items = administrator.get("audit?action=test.").json()["items"]

    assert [one["target"] for one in items] == [bench.source.project.slug]
    assert administrator.get(f"audit?project={theirs.pk}").json()["items"] == []


def test_pages_of_events_hang_together(administrator: Caller, bench: Bench) -> None:
    for number in range(130):
        audit.record(
            user=None,
            action="test.done",
            target=str(number),
            details={},
            project=bench.source.project,
            now=bench.clock(),
        )

    first = administrator.get("audit?action=test.done").json()
    second = administrator.get(f"audit?action=test.done&after={first['next']}").json()

    targets = [int(one["target"]) for one in first["items"] + second["items"]]
    assert targets == list(range(129, -1, -1))
    assert second["next"] is None


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ("since=yesterday", "invalid"),
        ("since=2026-11-21T12:00:00", "invalid"),
        ("project=0", "invalid"),
        ("after=odd", "not_found"),
    ],
)
def test_a_filter_that_is_none_is_a_problem(administrator: Caller, filters: str, code: str) -> None:
    assert problem(administrator.get(f"audit?{filters}")) == code


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_of_no_year_is_no_failure(administrator: Caller, time: str) -> None:
    assert problem(administrator.get(f"audit?since={time}")) == "invalid"


def test_a_log_that_is_whole_holds(operator: Caller, administrator: Caller, bench: Bench) -> None:
    place(operator, bench, "restore")

    found = administrator.get("audit/verify").json()

    assert found["holds"] is True
    assert found["events"] == AuditEvent.objects.count()
    assert found["findings"] == []


def test_a_log_that_was_edited_is_named(administrator: Caller, bench: Bench) -> None:
    first = AuditEvent.objects.order_by("sequence").first()
    assert first is not None
    with unprotected():
        AuditEvent.objects.filter(pk=first.pk).update(target="forged")

    found = administrator.get("audit/verify").json()

    assert found["holds"] is False
    assert found["findings"][0]["sequence"] == first.sequence


def test_a_person_reads_it_from_the_browser(administrator: Caller) -> None:
    browser = log_in(User.objects.get(username="chief"))

    assert browser.get("/api/v1/audit").status_code == HTTPStatus.OK
