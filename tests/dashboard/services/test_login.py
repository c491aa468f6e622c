"""The login link lets one person in, once, for a short time, while there is no other way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from dashboard.models import LoginLink, User
from dashboard.services.login import LinkRefused, make_link, use_link


def token_of(path: str) -> str:
    return path.removeprefix("/login/").rstrip("/")


def test_the_first_link_makes_the_first_administrator(db: None, now: datetime) -> None:
    user = use_link(token=token_of(make_link(now=now)), now=now)

    assert user == User.objects.get()
    assert user.is_superuser
    assert not user.has_usable_password()


def test_a_link_is_for_an_administrator_who_is_there(db: None, now: datetime) -> None:
    known = User.objects.create_superuser("grace")

    assert use_link(token=token_of(make_link(now=now)), now=now) == known


def test_a_link_works_once(db: None, now: datetime) -> None:
    token = token_of(make_link(now=now))
    use_link(token=token, now=now)

    with pytest.raises(LinkRefused, match="holdfast login-link"):
        use_link(token=token, now=now)


def test_a_link_ends_after_15_minutes(db: None, now: datetime) -> None:
    token = token_of(make_link(now=now))

    with pytest.raises(LinkRefused):
        use_link(token=token, now=now + timedelta(minutes=15))


@pytest.mark.parametrize("token", ["", "x", "\ud800"])
def test_a_link_that_nobody_made_is_refused(db: None, now: datetime, token: str) -> None:
    make_link(now=now)

    with pytest.raises(LinkRefused):
        use_link(token=token, now=now)


def test_once_there_is_a_password_no_link_is_made_or_used(db: None, now: datetime) -> None:
    token = token_of(make_link(now=now))
    user = User.objects.get()
    user.set_password("correct horse battery staple")
    user.save()

    with pytest.raises(LinkRefused):
        make_link(now=now)
    with pytest.raises(LinkRefused):
        use_link(token=token, now=now)


def test_once_there_is_a_passkey_no_link_is_made(db: None, now: datetime) -> None:
    make_link(now=now)
    Authenticator.objects.create(user=User.objects.get(), type=Authenticator.Type.WEBAUTHN, data={})

    with pytest.raises(LinkRefused):
        make_link(now=now)


def test_a_closed_account_of_the_first_name_is_not_opened(db: None, now: datetime) -> None:
    User.objects.create_superuser("admin", is_active=False)

    with pytest.raises(LinkRefused, match="createsuperuser"):
        make_link(now=now)


def test_only_the_hash_of_a_link_is_kept(db: None, now: datetime) -> None:
    token = token_of(make_link(now=now))

    assert token not in str(LoginLink.objects.values())


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_with_one_link_one_gets_in(now: datetime) -> None:
    token, start = token_of(make_link(now=now)), threading.Barrier(4)

    def try_it() -> bool:
        start.wait()
        try:
            use_link(token=token, now=now)
        except LinkRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        let_in = [future.result() for future in [pool.submit(try_it) for _ in range(4)]]

    assert sorted(let_in) == [False, False, False, True]
