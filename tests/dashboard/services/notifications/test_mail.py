"""Mail: handed in to a real server, with headers that nobody else wrote."""

from __future__ import annotations

import pytest
from django.test import override_settings

from dashboard.mail_servers import MailServer, sender
from dashboard.models import NotificationChannel, User
from dashboard.services.notifications import targets
from dashboard.services.notifications.errors import NotificationRefused
from tests.dashboard.services.notifications.receivers import Mailbox
from tests.dashboard.services.notifications.yard import Hand, Yard, make_channel


@pytest.fixture
def post(person: User, now: object, mailbox: Mailbox) -> Yard:
    clock = Hand(now)  # type: ignore[arg-type]
    target = targets.email("ada@example.com, grace@example.com\nada@example.com")
    return Yard(user=person, clock=clock, channel=make_channel(person, target, clock.at))


def told(post: Yard, mailbox: Mailbox, **changes: str) -> None:
    url = f"smtp://127.0.0.1:{mailbox.port}?tls=none"
    with override_settings(HOLDFAST_EMAIL_URL=url, HOLDFAST_EMAIL_FROM="holdfast@example.org"):
        post.announce(**changes)
        post.later(seconds=6)


def test_one_mail_goes_to_all_recipients(post: Yard, mailbox: Mailbox) -> None:
    told(post, mailbox)

    assert mailbox.recipients == [["ada@example.com", "grace@example.com"]]
    mail = mailbox.mails[0]
    assert mail["Subject"] == "[Holdfast] Drift in crawler (drift-1)"
    assert mail["From"] == "holdfast@example.org"
    assert str(post.messages()[0].pk) in mail["Message-ID"]
    assert "http://localhost:8000/drift/1/" in mail.get_payload()


def test_no_header_can_be_smuggled_in(post: Yard, mailbox: Mailbox) -> None:
    evil = "x\r\nBcc: eve@evil.example\r\n\r\nbody\x1b[2J\u202e\x00"
    told(post, mailbox, title=evil, text="a\r\n.\r\nMAIL FROM:<eve@evil.example>")

    assert len(mailbox.mails) == 1
    mail = mailbox.mails[0]
    assert mail["Bcc"] is None
    assert mailbox.recipients == [["ada@example.com", "grace@example.com"]]
    assert "\x1b" not in mail["Subject"]
    assert b"\x1b" not in mailbox.raw[0]
    assert "Bcc: eve" in mail["Subject"], "it is only words of the title"


def test_what_the_server_refuses_for_good_is_given_up(post: Yard, mailbox: Mailbox) -> None:
    mailbox.reply = "554 5.7.1 no thanks"
    told(post, mailbox)

    assert post.messages()[0].state == "given_up"
    assert "554" in post.messages()[0].reason


def test_what_the_server_puts_off_is_tried_again(post: Yard, mailbox: Mailbox) -> None:
    mailbox.refuse = "451 4.3.0 greylisted"
    told(post, mailbox)
    assert post.messages()[0].state == "waiting"
    assert "greylisted" in post.tries()[0].answer

    mailbox.refuse = ""
    with override_settings(HOLDFAST_EMAIL_URL=f"smtp://127.0.0.1:{mailbox.port}?tls=none"):
        post.later(minutes=2)
    assert post.messages()[0].state == "delivered"


def test_a_server_that_is_away_is_tried_again(post: Yard, mailbox: Mailbox) -> None:
    with override_settings(HOLDFAST_EMAIL_URL="smtp://127.0.0.1:9?tls=none"):
        post.announce()
        post.later(seconds=6)

    assert post.messages()[0].state == "waiting"
    assert NotificationChannel.objects.get().broken_since is not None


def test_without_a_server_it_says_which_setting_is_missing(post: Yard) -> None:
    post.announce()
    post.later(seconds=6)

    assert "HOLDFAST_EMAIL_URL" in post.tries()[0].answer


@pytest.mark.parametrize("text", ["", "ada", "ada@example.com\r\nBcc: x@y.z", "a@b@c", ","])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotificationRefused):
        targets.email(text)


def test_a_mail_server_is_read_from_its_url() -> None:
    found = MailServer.from_url("smtp://us%40er:p%40ss@mail.example.com")

    assert (found.host, found.port, found.user) == ("mail.example.com", 587, "us@er")
    assert (found.password, found.starttls, found.secure) == ("p@ss", True, False)
    assert "p@ss" not in repr(found)
    assert MailServer.from_url("smtps://mail.example.com").port == 465


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com:port",
        "smtp://ada:pw@mail.example.com?tls=none",
        "smtp://mail.example.com?tls=maybe",
    ],
)
def test_a_mail_server_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        MailServer.from_url(url)


@pytest.mark.parametrize("text", ["nobody", "a@b\r\nBcc: x@y", "A <a@b>\nX: y", "<>"])
def test_a_sender_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        sender(text)
