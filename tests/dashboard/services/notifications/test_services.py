"""Apprise is let to those services alone with which it cannot be led astray."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import override_settings

from dashboard.models import User
from dashboard.services.notifications import targets
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.rendering import Item, Letter
from dashboard.services.notifications.sending import check, send, services, shown
from tests.dashboard.services.notifications.receivers import Receiver
from tests.dashboard.services.notifications.yard import Hand, Yard, make_channel
from tests.dashboard.services.test_hosts import LOOPBACK, Canary, canary

__all__ = ["canary"]
pytest.importorskip("apprise")

HEX = "0123456789abcdef" * 4
URLS = {
    "discord": "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz-ABCDEF",
    "gchat": "gchat://workspace/key12345/token12345",
    "opsgenie": "opsgenie://01234567-89ab-cdef-0123-456789abcdef",
    "pagerduty": "pagerduty://integrationkey12345678901234567@apikey",
    "pagertree": "pagertree://int_ABCDEFGHIJ",
    "pbul": "pbul://o.abcdefghijklmnopqrstuvwxyz012345",
    "pover": "pover://uQiRzpo4DXghDmr9QzzfQu27cmVRsG@azGDORePK8gMaC0QOYAMyEEuzJnyUi",
    "signl4": "signl4://secret12345",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "spike": "spike://0123456789abcdef0123456789abcdef",
    "splunk": "splunk://route@0123abcd-0123-0123-0123-0123456789ab",
    "tgram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "twilio": "twilio://AC0123456789abcdef0123456789abcdef:"
    "0123456789abcdef0123456789abcdef@15551234567/15557654321",
    "wxteams": f"wxteams://{HEX}0123456789abcdef",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The servers that would be spoken to; nothing leaves the house."""
    found: list[str] = []

    def note(self: Any, method: str, url: str, **values: Any) -> Any:
        found.append(str(urlsplit(url).hostname))
        assert values.get("allow_redirects") is False, url
        raise requests.ConnectionError("no network here")

    monkeypatch.setattr(requests.Session, "request", note)
    return found


def letter(**values: Any) -> Letter:
    from tests.dashboard.conftest import NOW

    item = Item.made(
        key="drift-1",
        kind="drift.opened",
        severity="high",
        title="Drift in @everyone <!channel>",
        text="x" * 900,
        since="2026-11-21 12:00 UTC",
        path="/drift/1/",
        agent="crawler",
    )
    made: dict[str, Any] = {
        "id": "1",
        "kind": "news",
        "severity": "high",
        "project": "Default",
        "title": item.title,
        "items": (item,) * 10,
        "more": 27,
        "created_at": NOW,
        "site": "https://holdfast.example.com",
    }
    return Letter(**{**made, **values})


@pytest.mark.parametrize("schema", sorted(URLS))
def test_a_service_speaks_to_its_own_servers_alone(schema: str, asked: list[str]) -> None:
    answer = send(targets.service(URLS[schema]), letter(), letter().created_at)

    assert not answer.taken
    assert asked, answer
    assert set(asked) <= set(services.FIXED[schema][1])


def test_every_service_that_is_let_was_tried() -> None:
    aliases = {"victorops", "webex"}
    assert set(URLS) | aliases == set(services.FIXED)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz-ABCDEF",
        "https://chat.googleapis.com/v1/spaces/workspace/messages?key=key12345&token=token12345",
    ],
)
def test_an_address_as_the_service_hands_it_out_is_taken(url: str, asked: list[str]) -> None:
    target = targets.service(url)
    send(target, letter(), letter().created_at)

    assert asked
    assert shown(target) in {"Slack", "Discord", "Google Chat"}


@pytest.mark.parametrize(
    "url",
    [
        "dbus://",
        "gnome://",
        "kde://",
        "macosx://",
        "windows://",
        "syslog://",
        "rsyslog://127.0.0.1",
        "glib://",
        "growl://127.0.0.1",
        "mqtt://127.0.0.1",
        "smpp://a:b@127.0.0.1/1/2",
        "xmpp://a:b@127.0.0.1",
        "irc://127.0.0.1",
        "mailto://a:b@example.com",
        "matrix://127.0.0.1",
        "apprise://127.0.0.1/token",
        "kodi://127.0.0.1",
        "form://127.0.0.1",
        "xml://127.0.0.1",
        "ses://a@b.c/key/secret/region",
        "file:///etc/passwd",
        "exec://ls",
        "https://127.0.0.1/hook",
        "https://evil.example/hooks.slack.com",
        "https://hooks.slack.com.evil.example/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdev",
        "slack:",
        "x" * 3_000,
        "",
        "slack://a/b/c\r\nX: y",
    ],
)
def test_what_could_lead_elsewhere_is_refused(url: str, asked: list[str]) -> None:
    with pytest.raises(NotificationRefused):
        check(targets.service(url))

    assert asked == []


@pytest.mark.parametrize("option", ["template=/etc/passwd", "tEmplate=file:///etc/passwd"])
@pytest.mark.parametrize("option_more", ["", "&footer=yes"])
def test_no_option_makes_it_read_a_file(
    option: str, option_more: str, asked: list[str], tmp_path: Path
) -> None:
    with pytest.raises(NotificationRefused, match="option"):
        check(targets.service(f"{URLS['slack']}?{option}{option_more}"))

    assert asked == []


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_server_of_ones_own_must_stand_in_the_settings(host: str, canary: Canary) -> None:
    with override_settings(HOLDFAST_NOTIFICATION_HOSTS=("public",)):
        for schema in ("json", "mmost", "gotify"):
            answer = send(
                targets.service(f"{schema}://{host}:{canary.port}/tokentokentoken"),
                letter(),
                letter().created_at,
            )
            assert not answer.taken

    assert not canary.was_met


def test_a_public_server_of_ones_own_is_not_enough(asked: list[str]) -> None:
    with override_settings(HOLDFAST_NOTIFICATION_HOSTS=("public",)):
        with pytest.raises(NotificationRefused, match="HOLDFAST_NOTIFICATION_HOSTS"):
            check(targets.service("json://8.8.8.8/x"))

    assert asked == []


@override_settings(HOLDFAST_NOTIFICATION_HOSTS=("127.0.0.1",))
def test_a_server_that_the_settings_name_is_written_to(
    person: User, now: Any, hook: Receiver
) -> None:
    target = targets.service(f"json://127.0.0.1:{hook.port}/hook")
    channel = make_channel(person, target, now)
    yard = Yard(user=person, clock=Hand(now), channel=channel)
    yard.announce()
    yard.later(seconds=6)

    assert yard.messages()[0].state == "delivered", yard.tries()[0].answer
    assert "Drift in crawler" in hook.got[0].data["title"]
    assert "/drift/1/" in hook.got[0].data["message"]


@override_settings(HOLDFAST_NOTIFICATION_HOSTS=("127.0.0.1",))
def test_a_redirect_is_not_followed(hook: Receiver, canary: Canary) -> None:
    hook.answer(302, b"", Location=f"http://127.0.0.1:{canary.port}/")
    answer = send(targets.service(f"json://127.0.0.1:{hook.port}/"), letter(), letter().created_at)

    assert not answer.taken
    assert not canary.was_met


@override_settings(HOLDFAST_NOTIFICATION_HOSTS=("127.0.0.1",))
def test_it_calls_nobody_and_fits(hook: Receiver) -> None:
    send(targets.service(f"json://127.0.0.1:{hook.port}/"), letter(), letter().created_at)

    assert len(hook.got) == 1
    sent = hook.got[0].data
    assert "@everyone" not in sent["title"]
    assert "<!channel" not in sent["message"]
    assert len(sent["message"]) <= 4_100
    assert "more: https://holdfast.example.com/" in sent["message"]


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "find_spec", lambda _: None)

    with pytest.raises(NotificationRefused, match=r"holdfast\[notifications\]"):
        check(targets.service(URLS["slack"]))
