"""A person, their token and a client of each, for tests of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.test import Client

from dashboard.models import User
from dashboard.services.tokens import NewToken, create_token
from tests.dashboard.people import join, log_in

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_attempts_left_over() -> Iterator[None]:
    """Wrong passwords of one test do not lock the next one out."""
    yield
    cache.clear()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def person(db: None, now: datetime) -> User:
    """An operator of the default project who has just logged in."""
    user = join(User.objects.create_user("ada", password="correct horse battery staple"))
    user.authenticated_at = now
    return user


@pytest.fixture
def token(person: User, now: datetime) -> NewToken:
    """A token that may push and read."""
    return create_token(user=person, name="tests", scopes=["push", "read"], now=now)


@pytest.fixture
def browser(person: User) -> Client:
    """The client of a person who is logged in."""
    return log_in(person)
