"""A token opens what it says, for as long as it says, and cannot be read from the database."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

import pytest
from django.core import serializers

from dashboard import access
from dashboard.access import Forbidden, Hidden, LoginTooOld
from dashboard.models import ApiToken, AuditEvent, Project, Role, User
from dashboard.selectors.errors import NotFound
from dashboard.services.tokens import (
    NewToken,
    ScopeMissing,
    TokenRefused,
    authenticate,
    create_token,
    revoke_token,
)
from tests.dashboard.people import join


def test_a_token_carries_256_bits_and_is_found_again(token: NewToken, now: datetime) -> None:
    _, prefix, rest = token.secret.split("_", 2)

    assert len(rest) == 43
    assert token.token.prefix == prefix
    assert authenticate(secret=token.secret, scope="push", now=now) == token.token


def test_only_the_hash_is_kept(token: NewToken) -> None:
    kept = serializers.serialize("json", [*ApiToken.objects.all(), *AuditEvent.objects.all()])

    assert token.token.digest == hashlib.sha256(token.secret.encode()).hexdigest()
    assert token.secret.rpartition("_")[2] not in json.dumps(kept)


def test_the_right_prefix_with_another_secret_is_refused(token: NewToken, now: datetime) -> None:
    forged = f"hf_{token.token.prefix}_{'x' * 43}"

    with pytest.raises(TokenRefused):
        authenticate(secret=forged, scope="push", now=now)


@pytest.mark.parametrize("secret", ["", "hf_", "x" * 10_000, "hf_%00", "\ud800"])
def test_nonsense_is_refused(db: None, now: datetime, secret: str) -> None:
    with pytest.raises(TokenRefused):
        authenticate(secret=secret, scope="push", now=now)


def test_a_scope_that_was_not_given_is_missing(token: NewToken, now: datetime) -> None:
    with pytest.raises(ScopeMissing, match="'operate'"):
        authenticate(secret=token.secret, scope="operate", now=now)


def test_a_token_ends_when_it_expires(person: User, now: datetime) -> None:
    made = create_token(user=person, name="x", scopes=["push"], lifetime=timedelta(days=1), now=now)
    authenticate(secret=made.secret, scope="push", now=now + timedelta(hours=23))

    with pytest.raises(TokenRefused):
        authenticate(secret=made.secret, scope="push", now=now + timedelta(days=1))


def test_a_revoked_token_opens_nothing(token: NewToken, person: User, now: datetime) -> None:
    revoke_token(user=person, token_id=token.token.pk, now=now)

    with pytest.raises(TokenRefused):
        authenticate(secret=token.secret, scope="push", now=now)


def test_the_token_of_a_closed_account_opens_nothing(
    token: NewToken, person: User, now: datetime
) -> None:
    person.is_active = False
    person.save()

    with pytest.raises(TokenRefused):
        authenticate(secret=token.secret, scope="push", now=now)


def test_nobody_revokes_anothers_token_but_an_administrator(token: NewToken, now: datetime) -> None:
    other = join(User.objects.create_user("eve"))
    with pytest.raises(NotFound):
        revoke_token(user=other, token_id=token.token.pk, now=now)

    join(other, Role.ADMIN)
    revoke_token(user=other, token_id=token.token.pk, now=now)

    token.token.refresh_from_db()
    assert token.token.revoked_at == now


def test_an_administrator_of_another_project_does_not_revoke_it(
    token: NewToken, now: datetime
) -> None:
    theirs = Project.objects.create(name="Theirs", slug="theirs", created_at=now)
    other = join(User.objects.create_user("eve"), Role.ADMIN, theirs)
    with pytest.raises(NotFound):
        revoke_token(user=other, token_id=token.token.pk, now=now)


@pytest.mark.parametrize(("scope", "role"), [("push", "operator"), ("operate", "operator")])
def test_a_viewer_makes_tokens_that_read_and_no_others(
    db: None, now: datetime, scope: str, role: str
) -> None:
    viewer = join(User.objects.create_user("eve"), Role.VIEWER)
    viewer.authenticated_at = now
    create_token(user=viewer, name="x", scopes=["read"], now=now)
    with pytest.raises(Forbidden, match=role):
        create_token(user=viewer, name="x", scopes=["read", scope], now=now)


def test_a_token_that_operates_needs_a_recent_login(person: User, now: datetime) -> None:
    later = now + timedelta(minutes=16)
    create_token(user=person, name="x", scopes=["push", "read"], now=later)
    with pytest.raises(LoginTooOld):
        create_token(user=person, name="x", scopes=["operate"], now=later)


@pytest.mark.parametrize("scope", ["push", "read", "operate"])
def test_a_token_loses_what_its_maker_loses(person: User, now: datetime, scope: str) -> None:
    secret = create_token(user=person, name="x", scopes=[scope], now=now).secret
    join(person, Role.VIEWER)
    if scope == "read":
        assert authenticate(secret=secret, scope=scope, now=now).created_by == person
    else:
        with pytest.raises(ScopeMissing, match="viewer"):
            authenticate(secret=secret, scope=scope, now=now)
    person.memberships.all().delete()
    with pytest.raises(TokenRefused):
        authenticate(secret=secret, scope=scope, now=now)


def test_its_maker_acts_through_a_token_within_its_project(token: NewToken, now: datetime) -> None:
    found = authenticate(secret=token.secret, scope="read", now=now)
    assert found.created_by.through == found
    assert access.may(found.created_by, "read", found.project)
    assert not access.may(found.created_by, "operate", found.project)


def test_no_token_makes_or_ends_tokens(person: User, now: datetime) -> None:
    made = create_token(user=person, name="x", scopes=["operate"], now=now)
    maker = authenticate(secret=made.secret, scope="operate", now=now).created_by
    with pytest.raises(Forbidden):
        create_token(user=maker, name="y", scopes=["read"], now=now)
    with pytest.raises(Forbidden):
        revoke_token(user=maker, token_id=made.token.pk, now=now)


def test_who_belongs_to_several_projects_says_for_which_a_token_is(
    person: User, now: datetime
) -> None:
    second = Project.objects.create(name="Second", slug="second", created_at=now)
    hidden = Project.objects.create(name="Theirs", slug="theirs", created_at=now)
    join(person, project=second)
    with pytest.raises(ValueError, match="project"):
        create_token(user=person, name="x", scopes=["push"], now=now)
    made = create_token(user=person, name="x", scopes=["push"], now=now, project_id=second.pk)
    assert made.token.project == second
    with pytest.raises(Hidden):
        create_token(user=person, name="x", scopes=["push"], now=now, project_id=hidden.pk)


@pytest.mark.parametrize(
    ("scopes", "default", "most"), [(["push", "read"], 365, 730), (["operate"], 90, 90)]
)
def test_every_token_ends(
    person: User, now: datetime, scopes: list[str], default: int, most: int
) -> None:
    made = create_token(user=person, name="x", scopes=scopes, now=now)
    assert made.token.expires_at == now + timedelta(days=default)
    with pytest.raises(ValueError, match=str(most)):
        create_token(
            user=person, name="x", scopes=scopes, lifetime=timedelta(days=most + 1), now=now
        )


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_a_token_has_scopes_that_exist(person: User, now: datetime, scopes: list[str]) -> None:
    with pytest.raises(ValueError, match=r"scope|Scope"):
        create_token(user=person, name="x", scopes=scopes, now=now)


def test_the_last_use_is_kept_to_the_minute(token: NewToken, now: datetime) -> None:
    for seconds in (0, 30, 61):
        at = now + timedelta(seconds=seconds)
        authenticate(secret=token.secret, scope="push", now=at)

    token.token.refresh_from_db()
    assert token.token.last_used_at == now + timedelta(seconds=61)
