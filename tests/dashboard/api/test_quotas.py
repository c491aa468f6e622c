"""Quotas through the API: set, read with what is stored, taken away."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from dashboard.models import Agent, AuditEvent, StorageQuota
from tests.benches import Bench
from tests.dashboard.api.callers import Caller, caller_of, problem


def test_a_quota_is_set_read_beside_what_is_stored_and_removed(
    operator: Caller, bench: Bench
) -> None:
    Agent.objects.update(stored_bytes=700)
    place = f"quotas/source/{bench.source.pk}"

    before = operator.get(place).json()
    assert operator.put(place, {"bytes": 1000}).status_code == HTTPStatus.OK
    held = operator.get(place).json()
    gone = operator.delete(place).json()

    assert (before["bytes"], before["stored_bytes"]) == (None, 700)
    assert (held["bytes"], held["changed_by"]) == (1000, bench.user.username)
    assert gone == before
    events = AuditEvent.objects.filter(action__startswith="quota").order_by("pk")
    assert [event.action for event in events] == ["quota.set", "quota.removed"]


def test_the_storage_of_a_source_tells_the_quota_that_was_set(
    operator: Caller, bench: Bench
) -> None:
    operator.put(f"quotas/source/{bench.source.pk}", {"bytes": 1000})
    assert operator.get(f"storage?source={bench.source.pk}").json()["quota"]["bytes"] == 1000


def test_quotas_are_listed_the_last_changed_first(operator: Caller, bench: Bench) -> None:
    operator.put(f"quotas/source/{bench.source.pk}", {"bytes": 1000})
    operator.put(f"quotas/project/{bench.source.project_id}", {"bytes": 5000})
    listed = [(one["level"], one["bytes"]) for one in operator.get("quotas").json()["items"]]
    assert listed == [("project", 5000), ("source", 1000)]


@pytest.mark.parametrize("body", [{}, {"bytes": 0}, {"bytes": "20 GB"}, {"bytes": None}])
def test_what_is_no_quota_is_refused(operator: Caller, bench: Bench, body: dict[str, Any]) -> None:
    answer = operator.put(f"quotas/source/{bench.source.pk}", body)
    assert (answer.status_code, problem(answer)) == (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid")
    assert not StorageQuota.objects.exists()


def test_a_token_that_may_only_read_sets_none(bench: Bench) -> None:
    answer = caller_of(bench.user, "read").put(f"quotas/source/{bench.source.pk}", {"bytes": 10})
    assert (answer.status_code, problem(answer)) == (HTTPStatus.FORBIDDEN, "scope_missing")
