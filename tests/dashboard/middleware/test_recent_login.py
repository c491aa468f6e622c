"""What needs a recent login asks for it, leads back, and is not done meanwhile."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.models import ApiToken, Source, User
from dashboard.services.login import make_link
from tests.dashboard.index import make_thread
from tests.dashboard.people import join, log_in

OPERATING = {"name": "x", "scopes": ["operate"]}
TOKENS = "/settings/tokens/"
PASSWORD = "correct horse battery staple"


def test_who_logged_in_with_a_password_does_it_at_once(client: Client, person: User) -> None:
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert "hf_" in client.post(TOKENS, OPERATING).content.decode()


def test_an_old_login_confirms_with_the_password_and_comes_back(person: User) -> None:
    browser = log_in(person, minutes_ago=20)
    asked = browser.post(TOKENS, OPERATING, headers={"Referer": f"http://testserver{TOKENS}"})
    assert asked["Location"] == "/confirm/?next=%2Fsettings%2Ftokens%2F"
    assert not ApiToken.objects.exists()

    there = browser.get(asked["Location"], follow=True)
    page = there.content.decode()
    assert there.redirect_chain[-1][0] == "/accounts/reauthenticate/?next=%2Fsettings%2Ftokens%2F"
    assert "Confirm that it is you" in page
    assert "nothing was changed" in page
    back = browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": TOKENS})
    assert back["Location"] == TOKENS
    assert "hf_" in browser.post(TOKENS, OPERATING).content.decode()


def test_a_wrong_password_confirms_nothing(person: User) -> None:
    browser = log_in(person, minutes_ago=20)
    browser.post("/accounts/reauthenticate/", {"password": "wrong", "next": TOKENS})
    browser.post(TOKENS, OPERATING)
    assert not ApiToken.objects.exists()


def test_a_part_of_a_page_leads_the_whole_page(person: User, now: datetime) -> None:
    source = make_thread(now).agent.source
    browser = log_in(person, minutes_ago=20)
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/sources/?a=b"}
    answer = browser.post(f"/sources/{source.pk}/remove/", headers=headers)
    assert answer["HX-Redirect"] == "/confirm/?next=%2Fsources%2F%3Fa%3Db"
    assert Source.objects.filter(pk=source.pk).exists()


@pytest.mark.parametrize("referer", ["", "https://elsewhere.example/sources/", "//[x/"])
def test_nobody_is_led_elsewhere(person: User, referer: str) -> None:
    browser = log_in(person, minutes_ago=20)
    asked = browser.post(TOKENS, OPERATING, headers={"Referer": referer})
    assert asked["Location"] == "/confirm/?next=%2F"
    page = browser.get("/confirm/?next=https://elsewhere.example/", follow=True)
    assert "elsewhere" not in page.redirect_chain[-1][0]


def test_who_has_no_password_is_told_of_the_link_and_comes_back_by_it(db: None) -> None:
    first = Client()
    first.get(make_link(now=timezone.now()))
    admin = User.objects.get()
    join(admin)
    browser = log_in(admin, minutes_ago=20)
    page = browser.get(f"/confirm/?next={TOKENS}").content.decode()
    assert "holdfast login-link" in page
    assert browser.get(make_link(now=timezone.now()))["Location"] == TOKENS
    assert "hf_" in browser.post(TOKENS, OPERATING).content.decode()


@pytest.mark.parametrize("path", ["password/set/", "2fa/totp/activate/", "2fa/webauthn/add/"])
def test_a_session_that_was_left_open_gets_no_new_way_in(db: None, path: str) -> None:
    admin = User.objects.create_superuser("root")
    answer = log_in(admin, minutes_ago=20).get(f"/accounts/{path}")
    assert answer["Location"].startswith("/confirm/")
    assert log_in(admin).get(f"/accounts/{path}").status_code == 200


def test_a_used_link_changes_nothing_for_who_is_logged_in(browser: Client) -> None:
    assert browser.get("/login/used/")["Location"] == "/"
