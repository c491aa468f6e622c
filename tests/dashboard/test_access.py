"""Rights are those of active people; administration is for staff."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from dashboard.access import Forbidden, Right, require
from dashboard.models import User


@pytest.mark.parametrize("right", ["read", "operate"])
def test_an_active_person_reads_and_operates(right: Right) -> None:
    require(User(username="ada"), right)


def test_only_staff_administers() -> None:
    require(User(username="root", is_staff=True), "admin")

    with pytest.raises(Forbidden, match="administrator"):
        require(User(username="ada"), "admin")


@pytest.mark.parametrize("user", [AnonymousUser(), User(username="ada", is_active=False)])
@pytest.mark.parametrize("right", ["read", "operate", "admin"])
def test_strangers_and_closed_accounts_may_nothing(
    user: User | AnonymousUser, right: Right
) -> None:
    with pytest.raises(Forbidden):
        require(user, right)
