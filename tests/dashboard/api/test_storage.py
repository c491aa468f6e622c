"""Storage through the API: the same numbers as on the page, for whom they may be."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.utils import timezone

from dashboard.models import Project, Source, StorageQuota
from tests.benches import Bench
from tests.dashboard.api.callers import Caller
from tests.dashboard.growth import KB, grown

pytestmark = pytest.mark.django_db

DAYS = 20


@pytest.fixture
def source(db: None) -> Source:
    return grown(timezone.now(), agents=2, days=DAYS)


def test_it_says_what_is_stored_and_what_will_be(operator: Caller, source: Source) -> None:
    found = operator.get(f"storage?source={source.pk}&range=7d").json()

    assert found["stored_bytes"] == 3 * DAYS * 24 * KB
    assert found["series"]["grain"] == "hour"
    assert [part["name"] for part in found["series"]["parts"]] == ["agents-1", "agents-0"]
    assert found["forecast"]["low"] <= found["forecast"]["expected"] <= found["forecast"]["high"]
    assert found["forecast"]["per_day"] == pytest.approx(3 * 24 * KB, rel=0.01)
    assert [row["name"] for row in found["breakdown"]["rows"]] == ["agents-1", "agents-0"]
    assert found["grown_in_30_days"] is None


def test_an_agent_is_taken_apart_by_its_threads(operator: Caller, source: Source) -> None:
    agent = source.agents.get(agent_id="agents-1")
    found = operator.get(f"storage?agent={agent.pk}&eats=threads").json()

    assert found["scope"] == {
        "level": "agent",
        "source": source.pk,
        "agent": agent.pk,
        "thread": None,
    }
    assert found["series"]["parts_are"] == "thread"
    assert [row["name"] for row in found["breakdown"]["rows"]] == ["main"]


def test_a_quota_says_when_it_is_reached(operator: Caller, bench: Bench, source: Source) -> None:
    now = timezone.now()
    StorageQuota.objects.create(source=source, bytes=10**7, changed_by=bench.user, changed_at=now)
    quota = operator.get(f"storage?source={source.pk}").json()["quota"]
    assert quota["bytes"] == 10**7
    assert quota["earliest"] <= quota["reached"] <= quota["latest"]


def test_what_lies_in_another_project_is_not_found(operator: Caller, bench: Bench) -> None:
    other = Project.objects.create(name="Other", slug="other", created_at=timezone.now())
    hidden = grown(timezone.now(), name="hidden", days=3, project=other)

    assert operator.get(f"storage?source={hidden.pk}").status_code == HTTPStatus.NOT_FOUND
    assert operator.get("storage").json()["stored_bytes"] == bench.thread().stored_bytes


@pytest.mark.parametrize("query", ["range=1y", "by=thread", "eats=all", "source=0"])
def test_what_cannot_be_asked_for_is_refused(operator: Caller, query: str) -> None:
    response = operator.get(f"storage?{query}")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
