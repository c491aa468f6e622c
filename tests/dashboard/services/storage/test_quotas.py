"""Quotas are set by operators, and written down."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.access import Forbidden
from dashboard.models import AuditEvent, Role, StorageQuota, User
from dashboard.selectors.retention import target_of
from dashboard.services import storage
from dashboard.services.storage import QuotaRefused
from tests.dashboard.people import join
from tests.dashboard.yards import Yard


def test_an_operator_sets_changes_and_removes_a_quota(yard: Yard) -> None:
    order: dict[str, Any] = {"user": yard.user, "target": yard.target(), "now": yard.clock()}
    storage.set_quota(**order, size=10**9)
    storage.set_quota(**order, size=2 * 10**9)
    assert StorageQuota.objects.get().bytes == 2 * 10**9

    storage.remove_quota(**order)
    storage.remove_quota(**order)
    assert not StorageQuota.objects.exists()
    events = AuditEvent.objects.filter(action__startswith="quota").order_by("pk")
    assert [event.action for event in events] == ["quota.set", "quota.set", "quota.removed"]


def test_a_project_has_a_quota_too(yard: Yard) -> None:
    target = target_of(yard.project)
    storage.set_quota(user=yard.user, target=target, size=10, now=yard.clock())
    assert StorageQuota.objects.get().project == yard.project


def test_a_viewer_may_not_set_one(yard: Yard) -> None:
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER)
    with pytest.raises(Forbidden):
        storage.set_quota(user=viewer, target=yard.target(), size=10, now=yard.clock())
    assert not StorageQuota.objects.exists()


@pytest.mark.parametrize(("level", "size"), [("billing", 10), ("", 0)], ids=["agent", "nothing"])
def test_what_cannot_be_a_quota_is_refused(yard: Yard, level: str, size: int) -> None:
    with pytest.raises(QuotaRefused):
        storage.set_quota(user=yard.user, target=yard.target(level), size=size, now=yard.clock())
