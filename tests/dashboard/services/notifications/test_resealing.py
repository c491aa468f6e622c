"""A key can be changed without entering a channel's address again."""

from __future__ import annotations

from django.test import override_settings

from checkpoints.bodies.encryption import Keyring
from dashboard.models import Role
from dashboard.services import source_credentials
from tests.dashboard.people import join
from tests.dashboard.services.notifications.receivers import Receiver
from tests.dashboard.services.notifications.yard import Yard


def test_a_channel_is_sealed_with_the_new_key(yard: Yard, hook: Receiver) -> None:
    join(yard.user, Role.ADMIN)
    keys = f"new:{Keyring.new_key()}"
    with override_settings(HOLDFAST_CREDENTIALS_KEY=keys):
        assert source_credentials.reseal(user=yard.user, now=yard.clock.at) == (1, [])
        yard.channel.refresh_from_db()
        assert bytes(yard.channel.target).startswith(b"new\0")

        yard.announce()
        yard.later(seconds=6)

    assert len(hook.got) == 1


def test_a_channel_whose_key_is_gone_says_so(yard: Yard, hook: Receiver) -> None:
    join(yard.user, Role.ADMIN)
    keys = f"new:{Keyring.new_key()}"
    with override_settings(HOLDFAST_CREDENTIALS_KEY=keys, SECRET_KEY="another one, and long" * 3):
        assert source_credentials.reseal(user=yard.user, now=yard.clock.at) == (0, ["on call"])
        yard.announce()
        yard.later(seconds=6)

    assert hook.got == []
    assert "Enter it again" in yard.messages()[0].reason
