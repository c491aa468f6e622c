"""Webhooks: signed, tried again, given up with a reason, sent once more after a kill and not led
astray."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from dashboard import hosts
from dashboard.models import DeliveryAttempt, NotificationChannel, NotificationMessage
from dashboard.services import notifications
from dashboard.services.notifications import delivering, sending, targets
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.sending import webhooks
from tests.dashboard.services.notifications.receivers import Receiver
from tests.dashboard.services.notifications.yard import Yard
from tests.dashboard.services.test_hosts import INSIDE, LOOPBACK, Canary, canary

__all__ = ["canary"]
PUBLIC_ONLY = override_settings(HOLDFAST_NOTIFICATION_HOSTS=("public",))


def told(yard: Yard) -> NotificationMessage:
    yard.announce()
    yard.later(seconds=6)
    return yard.messages()[0]


def test_a_receiver_can_check_who_sent_it_and_when(yard: Yard, hook: Receiver) -> None:
    told(yard)
    got = hook.got[0]

    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key = base64.b64decode(yard.secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert got.headers["webhook-timestamp"] == str(int(yard.clock.at.timestamp()))
    assert got.headers["idempotency-key"] == str(yard.messages()[0].pk)


@override_settings(HOLDFAST_PUBLIC_URL="https://holdfast.example.com")
def test_it_says_what_since_when_and_where(yard: Yard, hook: Receiver) -> None:
    told(yard)

    item = hook.got[0].data["items"][0]
    assert item["url"] == "https://holdfast.example.com/drift/1/"
    assert (item["severity"], item["since"]) == ("medium", "2026-11-21 12:00 UTC")
    assert item["text"] == "error rate 0.4, usually 0.02"


def test_a_server_in_trouble_is_tried_again_later_with_the_same_id(
    yard: Yard, hook: Receiver
) -> None:
    hook.answer(500, b"oops")
    message = told(yard)
    yard.later(seconds=20)
    assert len(hook.got) == 1, "not before its time"

    yard.later(seconds=20)
    assert len({one.headers["idempotency-key"] for one in hook.got}) == 1
    assert [(one.outcome, one.status) for one in yard.tries()] == [("failed", 500), ("taken", 200)]
    assert yard.tries()[0].answer.endswith("oops")
    assert NotificationMessage.objects.get(pk=message.pk).state == "delivered"


def test_the_wait_that_it_asks_for_is_kept(yard: Yard, hook: Receiver) -> None:
    hook.answer(429, b"", Retry_After="600")
    message = told(yard)

    wait = message.next_try_at - yard.clock.at if message.next_try_at else timedelta()
    assert timedelta(seconds=600) <= wait <= timedelta(seconds=630)


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_what_is_refused_for_good_is_given_up(yard: Yard, hook: Receiver, status: int) -> None:
    hook.answer(status, b"no such hook")
    message = told(yard)

    assert (message.state, message.next_try_at) == ("given_up", None)
    assert str(status) in message.reason
    assert NotificationChannel.objects.get().broken_since == yard.clock.at


def test_it_is_given_up_in_the_end_with_a_reason(yard: Yard, hook: Receiver) -> None:
    for _ in range(20):
        hook.answer(503)
    told(yard)
    for _ in range(20):
        yard.later(hours=2)

    message = yard.messages()[0]
    assert message.state == "given_up"
    assert "tried" in message.reason
    assert len(hook.got) == message.attempts <= 12


def test_a_redirect_is_refused_and_not_followed(yard: Yard, hook: Receiver, canary: Canary) -> None:
    hook.answer(302, b"", Location=f"http://127.0.0.1:{canary.port}/")
    message = told(yard)

    assert not canary.was_met
    assert message.state == "given_up"
    assert "redirects are not followed" in message.reason


def test_a_server_that_hangs_ends_in_time(
    yard: Yard, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "SECONDS", 0.5)
    hook.hang = 1.5
    begun = time.monotonic()
    message = told(yard)

    assert time.monotonic() - begun < 30
    assert message.state == "waiting"
    assert "did not answer within" in yard.tries()[0].answer


def test_a_server_that_drips_ends_in_time(
    yard: Yard, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "SECONDS", 0.5)
    hook.drip = 0.2
    hook.answer(200, b"x" * 500)
    told(yard)

    assert "did not answer within" in yard.tries()[0].answer


def test_a_long_answer_is_read_in_part(yard: Yard, hook: Receiver) -> None:
    hook.answer(200, b"y" * 5_000_000)
    told(yard)

    assert len(yard.tries()[0].answer) <= 300


def test_the_log_repeats_no_secret(yard: Yard, hook: Receiver) -> None:
    hook.answer(500, f"bad {yard.secret} at {hook.url}\r\nX: \x1b[31m".encode())
    told(yard)

    answer = yard.tries()[0].answer
    assert yard.secret not in answer
    assert "s3cr3t-path" not in answer
    assert "\x1b" not in answer
    assert "\n" not in answer


def test_a_channel_shows_its_server_and_no_more(yard: Yard, hook: Receiver) -> None:
    assert yard.channel.shown == f"http://127.0.0.1:{hook.port}/…"
    assert b"s3cr3t" not in bytes(yard.channel.target)
    assert "s3cr3t" not in repr(targets.webhook(hook.url))


def test_a_target_of_one_project_opens_in_no_other(yard: Yard) -> None:
    sealed = bytes(yard.channel.target)
    with pytest.raises(NotificationRefused):
        targets.unsealed(sealed, project_id=yard.channel.project_id + 1)


class Killed(BaseException):
    """The worker is gone."""


def test_a_worker_killed_after_sending_leaves_it_to_be_sent_again(
    yard: Yard, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise Killed

    yard.announce()
    yard.clock.move(seconds=6)
    (message,) = yard.compose()
    with monkeypatch.context() as killed, pytest.raises(Killed):
        killed.setattr(delivering, "_note", die)
        notifications.deliver(message_id=message, now=yard.clock)
    assert len(hook.got) == 1

    yard.deliver()
    assert len(hook.got) == 1, "another worker waits for the lease to end"

    yard.later(minutes=4)
    assert [one.outcome for one in yard.tries()] == ["unknown", "taken"]
    assert "may have arrived" in yard.tries()[0].answer
    assert len({one.headers["idempotency-key"] for one in hook.got}) == 1
    assert yard.messages()[0].state == "delivered"


def test_a_worker_that_comes_back_late_does_not_undo_what_another_noted(
    yard: Yard, hook: Receiver
) -> None:
    yard.announce()
    yard.clock.move(seconds=6)
    (message,) = yard.compose()
    first = delivering._claim(message, yard.clock.at)
    assert first is not None
    yard.later(minutes=4)

    delivering._note(first, sending.Answer.failed("late"), 5, yard.clock.at, 1.0)

    assert yard.messages()[0].state == "delivered"
    assert DeliveryAttempt.objects.count() == 2


def test_two_workers_send_a_message_once(yard: Yard, hook: Receiver) -> None:
    yard.announce()
    yard.clock.move(seconds=6)
    (message,) = yard.compose()
    assert yard.compose() == []
    for _ in range(2):
        notifications.deliver(message_id=message, now=yard.clock)

    assert len(hook.got) == 1


def test_a_hint_that_was_lost_is_sent_again(yard: Yard) -> None:
    yard.announce()
    yard.clock.move(seconds=6)
    (message,) = yard.compose()

    yard.clock.move(seconds=20)
    assert yard.compose() == [message]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", [*LOOPBACK, *INSIDE])
def test_no_form_of_an_address_inside_is_written_to(host: str, scheme: str, canary: Canary) -> None:
    url = f"{scheme}://{host}:{canary.port}/x"
    with PUBLIC_ONLY, pytest.raises(NotificationRefused):
        sending.check(targets.webhook(url))

    assert not canary.was_met


def test_what_resolves_elsewhere_later_is_not_written_to(
    yard: Yard, hook: Receiver, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was checked is connected to, though the name stands for another by then."""
    asked: list[str] = []

    def rebinding(host: str, *_: Any, **__: Any) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1",)

    monkeypatch.setattr(hosts, "allowed_addresses", rebinding)
    target = targets.webhook(f"http://rebinding.invalid:{hook.port}/x")
    message = told(yard)
    answer = sending.send(target, delivering.letter_of(message), yard.clock.at)

    assert answer.taken, answer
    assert asked == ["127.0.0.1", "rebinding.invalid"]
    assert hook.got[-1].headers["host"] == f"rebinding.invalid:{hook.port}"


def test_a_host_that_is_not_allowed_any_more_is_given_up(yard: Yard, hook: Receiver) -> None:
    with PUBLIC_ONLY:
        message = told(yard)

    assert hook.got == []
    assert message.state == "given_up"
    assert "HOLDFAST_NOTIFICATION_HOSTS" in message.reason


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "https://ada:pw@example.com/x",
        "https:///x",
        "file:///etc/passwd",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: evil",
        "https://" + "a" * 3_000,
        "",
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(NotificationRefused) as refused:
        targets.webhook(url)

    assert "pw" not in str(refused.value)
    assert "nothing was changed" in str(refused.value)
