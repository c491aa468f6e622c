"""A token opens what it says, for as long as it says, and cannot be read from the database."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

import pytest
from django.core import serializers

from dashboard.access import Forbidden
from dashboard.models import ApiToken, AuditEvent, User
from dashboard.services.tokens import (
    NewToken,
    ScopeMissing,
    TokenRefused,
    authenticate,
    create_token,
    revoke_token,
)


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
    other = User.objects.create_user("eve")
    with pytest.raises(Forbidden):
        revoke_token(user=other, token_id=token.token.pk, now=now)

    other.is_staff = True
    revoke_token(user=other, token_id=token.token.pk, now=now)

    token.token.refresh_from_db()
    assert token.token.revoked_at == now


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
