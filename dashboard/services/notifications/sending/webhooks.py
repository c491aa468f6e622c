"""Webhooks: signed as Standard Webhooks are, sent to an address that was checked, once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import datetime
from http import HTTPStatus

import httpx
import orjson

from dashboard import hosts
from dashboard.hosts import HostNotAllowed, HostUnknown
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.pacing import retry_after
from dashboard.services.notifications.rendering import Letter
from dashboard.services.notifications.sending.answers import Answer
from dashboard.services.notifications.sending.transport import CheckedTransport, TookTooLong
from dashboard.services.notifications.targets import Target, key_of, parse_url

SECONDS = 15.0
"""From the first byte sent to the last one read."""
READ_BYTES = 2_000
AGAIN = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Refusals that another time may end; so may any answer from 500 on."""


def check(target: Target) -> None:
    """Return when messages may be sent there; only names are looked up. Raises
    NotificationRefused.
    """
    try:
        _addresses(target)
    except HostUnknown as error:
        raise NotificationRefused(f"{error}; nothing was changed.") from None
    except HostNotAllowed as error:
        raise NotificationRefused(f"{error}.") from None


def shown(target: Target) -> str:
    """Return the server; what stands behind it may be a secret."""
    parsed = parse_url(target.url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}/…"


def send(target: Target, letter: Letter, now: datetime) -> Answer:
    """Post a letter. Redirects are not followed; an answer is read in part and not unpacked."""
    try:
        addresses = _addresses(target)
    except HostNotAllowed as error:
        return Answer.refused(f"{error}.")
    except HostUnknown as error:
        return Answer.failed(f"{error}.")
    body = orjson.dumps(letter.payload())
    transport = CheckedTransport(addresses, until=time.monotonic() + SECONDS)
    try:
        with httpx.Client(transport=transport, timeout=SECONDS, trust_env=False) as client:
            headers = signed(target.secret, letter.id, body, now)
            with client.stream("POST", target.url, content=body, headers=headers) as response:
                return _answer(response, _said(response), now)
    except (httpx.TimeoutException, TookTooLong):
        return Answer.failed(f"It did not answer within {SECONDS:.0f} seconds.")
    except httpx.TransportError as error:
        return Answer.failed(f"It could not be reached: {str(error) or type(error).__name__}")


def signed(secret: str, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers by which a receiver knows who sent a body, when, and that it is whole.

    The signature is HMAC-SHA256 of ``id.timestamp.body``, as https://www.standardwebhooks.com has
    it. The id is the same for each attempt: who has seen it has had the message.
    """
    seconds = str(int(now.timestamp()))
    content = b".".join([message_id.encode(), seconds.encode(), body])
    digest = hmac.new(key_of(secret), content, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Holdfast",
        "Accept-Encoding": "identity",
        "Idempotency-Key": message_id,
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _addresses(target: Target) -> tuple[str, ...]:
    """Return where to connect to. Raises HostNotAllowed, HostUnknown.

    In the clear only a server is written to that the settings name themselves.
    """
    parsed = parse_url(target.url)
    return hosts.allowed_addresses(
        parsed.host, hosts.NOTIFICATIONS, by_name=parsed.scheme == "http"
    )


def _said(response: httpx.Response) -> str:
    read = b""
    for piece in response.iter_raw(READ_BYTES):
        read += piece
        if len(read) >= READ_BYTES:
            break
    return read[:READ_BYTES].decode("utf-8", "replace")


def _answer(response: httpx.Response, said: str, now: datetime) -> Answer:
    status = response.status_code
    words = f"{status} {response.reason_phrase}{f': {said}' if said.strip() else ''}"
    if response.is_success:
        return Answer(taken=True, words=words, status=status)
    if response.is_redirect or response.has_redirect_location:
        return Answer.refused(
            f"It answered {status} and points elsewhere; redirects are not followed. Enter the "
            "address that it moved to.",
            status,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in AGAIN:
        return Answer.failed(
            words, status, retry_after(response.headers.get("Retry-After", ""), now)
        )
    return Answer.refused(words, status)
