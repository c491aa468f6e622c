"""Where a channel's messages go and what opens it: checked, sealed, and shown in part."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
import secrets
from dataclasses import dataclass, field

import httpx
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

import checkpoints
from dashboard.credentials import seal_bytes, unseal_bytes
from dashboard.models import ChannelKind
from dashboard.services.notifications.errors import NotificationRefused

MOST_RECIPIENTS = 20
LONGEST_URL = 2_000
SECRET_PREFIX = "whsec_"  # noqa: S105 - what each of them begins with
SECRET_BYTES = 32
SHORTEST = 6
_HOST = re.compile(r"[^\s%/\\@\x00-\x20]+")
_PLACE_ENDS = re.compile(r"[/?#]")
_SEPARATORS = re.compile(r"[/:?&=#]")
FEWEST_SECRET_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where messages go. None of it but the recipients is in the ``repr``.

    A webhook's ``secret`` signs what is sent to it, as Standard Webhooks write it: ``whsec_`` and
    24 to 64 bytes in base64.
    """

    kind: str
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    recipients: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any text: of an address all but the server's name."""
        _, _, rest = self.url.partition("://")
        place, path = (
            _PLACE_ENDS.split(rest, maxsplit=1) if _PLACE_ENDS.search(rest) else (rest, "")
        )
        user, _, host = place.rpartition("@")
        parts = [*_SEPARATORS.split(user), *_SEPARATORS.split(path)]
        keys = filter(None, [*parts, "" if "." in host or ":" in host else host])
        return tuple(
            filter(None, (self.url, self.secret, *(key for key in keys if len(key) >= SHORTEST)))
        )


def email(text: str) -> Target:
    """Return the target of addresses, separated by commas or lines. Raises NotificationRefused."""
    found = tuple(dict.fromkeys(part.strip() for part in text.replace("\n", ",").split(",")))
    recipients = tuple(filter(None, found))
    if not 1 <= len(recipients) <= MOST_RECIPIENTS:
        raise NotificationRefused(f"Give 1 to {MOST_RECIPIENTS} addresses; nothing was changed.")
    for one in recipients:
        try:
            validate_email(one)
        except ValidationError:
            raise NotificationRefused(
                f"{one!r} is no e-mail address; nothing was changed. Write it as ada@example.com."
            ) from None
    return Target(kind=ChannelKind.EMAIL.value, recipients=recipients)


def webhook(url: str, secret: str = "") -> Target:
    """Return the target of a webhook, with a new secret unless one is given.

    Raises NotificationRefused.
    """
    parsed = parse_url(url)
    return Target(
        kind=ChannelKind.WEBHOOK.value,
        url=str(parsed.copy_with(fragment=None)),
        secret=_usable(secret.strip()) if secret.strip() else new_secret(),
    )


def service(url: str) -> Target:
    """Return the target of a service that Apprise knows; it is looked at when it is opened."""
    text = url.strip()
    if not text or len(text) > LONGEST_URL or not text.isprintable():
        raise NotificationRefused("Give the service's URL; nothing was changed.")
    return Target(kind=ChannelKind.SERVICE.value, url=text)


def parse_url(url: str) -> httpx.URL:
    """Return a webhook's URL, taken apart. Raises NotificationRefused, without repeating it."""
    text = url.strip()
    try:
        parsed = httpx.URL(text)
        usable = parsed.scheme in ("http", "https") and bool(_HOST.fullmatch(parsed.host))
    except (httpx.InvalidURL, ValueError, UnicodeError):
        usable = False
    if not usable or len(text) > LONGEST_URL or not text.isprintable():
        raise NotificationRefused(
            "This is no address of a webhook; nothing was changed. Write it as "
            "https://hooks.example.com/path."
        )
    if parsed.userinfo:
        raise NotificationRefused(
            "The address holds a user or a password; nothing was changed. Webhooks are signed "
            "instead: check the signature with the secret that is shown once."
        )
    return parsed


def new_secret() -> str:
    """Return a secret that signs webhooks."""
    return f"{SECRET_PREFIX}{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret. Raises ValueError."""
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is whsec_ and base64") from error


def sealed(target: Target, *, project_id: int) -> bytes:
    """Return a target readable only with a key, and only as one of this project."""
    plain = json.dumps(dataclasses.asdict(target)).encode()
    return seal_bytes(plain, bound_to=_bound_to(project_id))


def unsealed(target: bytes, *, project_id: int) -> Target:
    """Return a target that was sealed. Raises NotificationRefused."""
    try:
        plain = json.loads(unseal_bytes(target, bound_to=_bound_to(project_id)))
        return Target(**{**plain, "recipients": tuple(plain["recipients"])})
    except (checkpoints.CheckpointError, TypeError, ValueError, KeyError):
        raise NotificationRefused(
            "The channel's address cannot be read any more, because the key that it was kept with "
            "has changed; nothing was sent. Enter it again."
        ) from None


def _usable(secret: str) -> str:
    try:
        known = len(key_of(secret))
    except ValueError:
        known = 0
    if not secret.startswith(SECRET_PREFIX) or known < FEWEST_SECRET_BYTES:
        raise NotificationRefused(
            f"A secret is {SECRET_PREFIX} and at least {FEWEST_SECRET_BYTES} bytes in base64; "
            "nothing was changed. Leave it empty for a new one."
        )
    return secret


def _bound_to(project_id: int) -> bytes:
    return json.dumps(["channel", project_id]).encode()
