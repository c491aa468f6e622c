"""Credentials are kept sealed: with a key the database lacks, and for one store alone."""

from __future__ import annotations

import pytest
from django.test import override_settings

from checkpoints.bodies.encryption import Keyring
from dashboard.credentials import (
    NONE,
    Credentials,
    CredentialsLost,
    is_current,
    keyring,
    seal,
    unseal,
)

URL = "postgresql://db.example.com/agents"
GIVEN = Credentials(user="agent", password="s3cr3t-Ω", store_keys=f"a:{Keyring.new_key()}")


def sealed(credentials: Credentials = GIVEN) -> bytes:
    return seal(credentials, project_id=1, url=URL)


def test_what_was_sealed_comes_back() -> None:
    assert unseal(sealed(), project_id=1, url=URL) == GIVEN


def test_nothing_is_kept_as_nothing() -> None:
    assert sealed(NONE) == b""
    assert unseal(b"", project_id=1, url=URL) == NONE


def test_none_of_it_can_be_read_in_what_is_kept_or_in_the_repr() -> None:
    for text in (GIVEN.user, GIVEN.password, GIVEN.store_keys):
        assert text.encode() not in sealed()
        assert text not in repr(GIVEN)


def test_the_same_credentials_are_sealed_differently_each_time() -> None:
    assert sealed() != sealed()


@pytest.mark.parametrize(
    ("project_id", "url"),
    [(2, URL), (1, "postgresql://elsewhere.example.com/agents")],
    ids=["another project", "another address"],
)
def test_they_open_nothing_else_than_what_they_were_given_for(project_id: int, url: str) -> None:
    with pytest.raises(CredentialsLost):
        unseal(sealed(), project_id=project_id, url=url)


def test_with_another_secret_key_they_are_lost_and_it_is_said() -> None:
    kept = sealed()

    with (
        override_settings(SECRET_KEY="another" * 10),
        pytest.raises(CredentialsLost, match="Enter them again"),
    ):
        unseal(kept, project_id=1, url=URL)


@pytest.mark.parametrize("kept", [b"\0", b"x", b"secret-key\0", b"secret-key\0" + b"y" * 40])
def test_damaged_ones_are_lost_too(kept: bytes) -> None:
    with pytest.raises(CredentialsLost):
        unseal(kept, project_id=1, url=URL)


def test_a_new_key_seals_and_the_old_ones_go_on_opening() -> None:
    old, new = (f"{name}:{Keyring.new_key()}" for name in ("old", "new"))
    derived = sealed()
    with override_settings(HOLDFAST_CREDENTIALS_KEY=old):
        first = sealed()
    with override_settings(HOLDFAST_CREDENTIALS_KEY=f"{new},{old}"):
        assert unseal(first, project_id=1, url=URL) == GIVEN
        assert unseal(derived, project_id=1, url=URL) == GIVEN
        assert not is_current(first)
        assert is_current(sealed())
        assert keyring().current == "new"
    with override_settings(HOLDFAST_CREDENTIALS_KEY=new), pytest.raises(CredentialsLost):
        unseal(first, project_id=1, url=URL)
