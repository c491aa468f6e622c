"""Services by Apprise, which speaks HTTP by itself: only those that it cannot be led astray with.

Either the service's own servers are fixed in Apprise, or the server is the user's and stands in
``HOLDFAST_NOTIFICATION_HOSTS`` by itself. Apprise follows no redirects here, keeps nothing on
disk and loads no plug-ins; options that read files are refused with all that are not known.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dashboard import hosts
from dashboard.hosts import HostNotAllowed, HostUnknown
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.happenings import HIGH
from dashboard.services.notifications.rendering import Letter
from dashboard.services.notifications.sending.answers import Answer
from dashboard.services.notifications.sending.apart import MOST_LINES, asset, send_apart
from dashboard.services.notifications.targets import Target
from dashboard.services.notifications.wording import uncalling

NOT_HERE = (
    "Services need Apprise, which is not installed here; nothing was sent. Install "
    "holdfast[notifications], or use e-mail or a webhook, which need nothing more."
)
FIXED: dict[str, tuple[str, tuple[str, ...]]] = {
    "discord": ("Discord", ("discord.com",)),
    "gchat": ("Google Chat", ("chat.googleapis.com",)),
    "opsgenie": ("Opsgenie", ("api.opsgenie.com", "api.eu.opsgenie.com")),
    "pagerduty": ("PagerDuty", ("events.pagerduty.com", "events.eu.pagerduty.com")),
    "pagertree": ("PagerTree", ("api.pagertree.com",)),
    "pbul": ("Pushbullet", ("api.pushbullet.com",)),
    "pover": ("Pushover", ("api.pushover.net",)),
    "signl4": ("SIGNL4", ("connect.signl4.com",)),
    "slack": ("Slack", ("slack.com", "hooks.slack.com")),
    "spike": ("Spike.sh", ("api.spike.sh",)),
    "splunk": ("Splunk On-Call", ("alert.victorops.com",)),
    "tgram": ("Telegram", ("api.telegram.org",)),
    "twilio": ("Twilio", ("api.twilio.com",)),
    "victorops": ("Splunk On-Call", ("alert.victorops.com",)),
    "webex": ("Webex", ("api.ciscospark.com", "webexapis.com")),
    "wxteams": ("Webex", ("api.ciscospark.com", "webexapis.com")),
}
"""Services whose servers Apprise knows: title and servers. A test holds it to them."""
NAMED = {
    "gotify": "Gotify",
    "gotifys": "Gotify",
    "json": "JSON",
    "jsons": "JSON",
    "mmost": "Mattermost",
    "mmosts": "Mattermost",
    "rocket": "Rocket.Chat",
    "rockets": "Rocket.Chat",
}
"""Services on a server of the user's own."""
NATIVE = {
    "hooks.slack.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "chat.googleapis.com": "gchat",
    "webexapis.com": "wxteams",
}
"""Servers whose own addresses Apprise understands as they are."""
OPTIONS = frozenset(
    {"batch", "footer", "image", "key", "priority", "region", "thread", "threadkey", "token"}
)
TITLE_CHARACTERS = 200
SECONDS = 5.0
WHOLE_SECONDS = 30.0
"""For all that a server of the user's own does with a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A service as its URL names it."""

    schema: str
    title: str
    is_fixed: bool


def check(target: Target) -> None:
    """Return when messages may be sent by it. Raises NotificationRefused; nothing is sent."""
    opened(target)


def shown(target: Target) -> str:
    """Return the service's name; all else in its URL may be a secret. Raises
    NotificationRefused.
    """
    return known(target.url).title


def send(target: Target, letter: Letter, _: datetime) -> Answer:
    """Let Apprise hand a letter over; of the answer it tells only whether it was a good one."""
    try:
        plugin = opened(target)
    except HostUnknown as error:
        return Answer.failed(f"{error}.")
    title, body = _fitted(plugin, letter)
    if not known(target.url).is_fixed:
        return _sent_apart(target, title, body, urgent=letter.severity == HIGH)
    apprise = _apprise()
    urgent, usual = apprise.NotifyType.FAILURE, apprise.NotifyType.WARNING
    with _said_by_apprise() as said:
        taken = plugin.notify(
            title=title,
            body=body,
            notify_type=urgent if letter.severity == HIGH else usual,
            body_format=apprise.NotifyFormat.TEXT,
        )
    if taken:
        return Answer(taken=True, words="Taken.")
    return Answer.failed(f"{known(target.url).title} did not take it. {' '.join(said)}")


def _sent_apart(target: Target, title: str, body: str, *, urgent: bool) -> Answer:
    """Send to a server of the user's own, which may answer for ever, or without an end."""
    found = send_apart(
        url=target.url,
        title=title,
        body=body,
        urgent=urgent,
        timeout=SECONDS,
        seconds=WHOLE_SECONDS,
    )
    service = known(target.url).title
    if found is None:
        return Answer.failed(
            f"{service} was broken off: it answered with too much, or longer than "
            f"{WHOLE_SECONDS:.0f} seconds. It may have arrived."
        )
    taken, said = found
    if taken:
        return Answer(taken=True, words="Taken.")
    return Answer.failed(f"{service} did not take it. {' '.join(said)}")


def known(url: str) -> Known:
    """Return the service that a URL names. Raises NotificationRefused for any that is not let."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        parts, host = urlsplit(""), ""
    schema = parts.scheme.lower()
    if schema == "https":
        schema = NATIVE.get(host, "")
    if schema in FIXED:
        return Known(schema=schema, title=FIXED[schema][0], is_fixed=True)
    if schema in NAMED:
        return Known(schema=schema, title=NAMED[schema], is_fixed=False)
    raise NotificationRefused(
        "This service is not one of those that messages may go to; nothing was sent. There are "
        f"{', '.join(sorted({title for title, _ in FIXED.values()}))}; for anything else take a "
        "webhook."
    )


def opened(target: Target) -> Any:
    """Return Apprise's plug-in for a target. Raises NotificationRefused, HostUnknown."""
    service = known(target.url)
    _check_options(target.url)
    apprise = _apprise()
    plugin = apprise.Apprise.instantiate(target.url, asset=asset(apprise), suppress_exceptions=True)
    if plugin is None:
        raise NotificationRefused(
            f"This is no URL of {service.title} that Apprise understands; nothing was sent. Its "
            "documentation shows how one is written."
        )
    if service.schema not in _schemas(plugin):
        raise NotificationRefused("The URL means another service than it names; nothing was sent.")
    if not service.is_fixed:
        _check_host(str(plugin.host))
    plugin.socket_connect_timeout = plugin.socket_read_timeout = SECONDS
    return plugin


def _check_options(url: str) -> None:
    """Raise NotificationRefused for an option that could make Apprise read a file, or anything
    else that nobody looked at.
    """
    query = url.partition("?")[2].partition("#")[0]
    given = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    if unknown := sorted(given - OPTIONS):
        raise NotificationRefused(
            f"The option {unknown[0][:40]!r} is not taken here; nothing was sent. Leave it out."
        )


def _check_host(host: str) -> None:
    try:
        hosts.allowed_addresses(host, hosts.NOTIFICATIONS, by_name=True)
    except HostNotAllowed as error:
        raise NotificationRefused(f"{error}.") from None


def _schemas(plugin: Any) -> set[str]:
    found: set[str] = set()
    for name in (plugin.protocol, plugin.secure_protocol):
        found |= {name} if isinstance(name, str) else set(name or ())
    return found


def _fitted(plugin: Any, letter: Letter) -> tuple[str, str]:
    """Return title and words as long as the service takes them, so that it gets one message."""
    title = uncalling(letter.title)[:TITLE_CHARACTERS]
    room = int(plugin.body_maxlen) - (len(title) + 2 if not plugin.title_maxlen else 0)
    return title, uncalling(letter.text(max(200, min(room, 4_000) - 100)))[: max(200, room)]


class _Said(logging.Handler):
    """Keeps what is logged by one thread: others may be sending for other projects."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said, self._thread = said, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and len(self._said) < MOST_LINES:
            self._said.append(record.getMessage())


@contextmanager
def _said_by_apprise() -> Iterator[list[str]]:
    said: list[str] = []
    handler, logger = _Said(said), logging.getLogger("apprise")
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


def _apprise() -> Any:
    """Return Apprise, which takes a while to load. Raises NotificationRefused without it."""
    if find_spec("apprise") is None:
        raise NotificationRefused(NOT_HERE)
    return import_module("apprise")
