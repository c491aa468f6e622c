"""What somebody types as a store's address, taken apart: where it lies, and what opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import checkpoints
from checkpoints.connectors.detection import with_known_spelling
from checkpoints.stores.objects.reaching import server_of
from checkpoints.stores.schemes import Scheme, find_scheme
from checkpoints.stores.urls import StoreUrl, absolute_url
from dashboard.credentials import NONE, Credentials

PORTS = {"postgresql": 5432, "redis": 6379, "rediss": 6379}
_TLS, _PLAIN = 443, 80
_SECRET_WORDS = ("password", "passwd", "secret", "token", "access_key", "options")
_SPOKEN = re.compile(r"//[^/]*@")
_SPOKEN_FIRST = re.compile(r"[a-z][a-z0-9+.-]*:/{0,2}[^/?#]*@", re.IGNORECASE)


class AddressRefused(checkpoints.PermanentStoreError):
    """The address cannot be taken apart. It is not repeated: a part of it may be a password."""


def server_kind(address: str) -> Scheme | None:
    """Return the kind of server that an address names, None for a path on this machine."""
    scheme, is_url, _ = with_known_spelling(address).partition("://")
    kind = find_scheme(scheme) if is_url else None
    return kind if kind is not None and kind.is_server else None


def title_of(kind: str) -> str:
    """Return what a kind of store is called; its own name where that kind is not here."""
    found = find_scheme(kind)
    return found.title if found is not None else kind


def take_apart(address: str, given: Credentials = NONE) -> tuple[str, Credentials]:
    """Return an address without user and password, and what opens it.

    What was ``given`` beside the address counts more than what stands in it. Raises AddressRefused.
    """
    text = with_known_spelling(address)
    kind = server_kind(text)
    if kind is None:
        return text, given
    scheme, _, rest = text.partition("://")
    place = min((rest.find(sign) for sign in "/?#" if sign in rest), default=len(rest))
    credentials, _, hosts = rest[:place].rpartition("@")
    if "@" in rest[place:] and not kind.is_bucket:
        raise AddressRefused(
            "The address holds an @ where none belongs; nothing was opened. A password with one of "
            "the characters / ? # goes into its own field, or is written %2F, %3F, %23"
        )
    user, _, password = credentials.partition(":")
    found = replace(
        given,
        user=given.user or unquote(user),
        password=given.password or unquote(password),
    )
    return f"{scheme}://{hosts}{rest[place:]}", found


def check_unspoken(address: str) -> None:
    """Raise AddressRefused for what looks like a secret where :func:`take_apart` takes none out.

    A page repeats the rest of an address to whoever typed it.
    """
    text = with_known_spelling(address)
    names = {name.lower() for name, _ in parse_qsl(text.partition("?")[2], keep_blank_values=True)}
    in_query = any(word in name for name in names for word in _SECRET_WORDS)
    if in_query or _SPOKEN.search(text.partition("?")[2]):
        raise AddressRefused(
            "The address holds a password or a key among its options; nothing was opened. Enter it "
            "in its own field"
        )
    if server_kind(text) is None and _SPOKEN_FIRST.match(text):
        raise AddressRefused(
            "The address holds an @ but names no server that can be opened; nothing was opened. "
            "Write it as in postgresql://db.example.com:5432/name"
        )


def place_of(url: str) -> str:
    """Return the one form of a store's URL by which its source is known, without its user.

    Raises PermanentStoreError.
    """
    return absolute_url(take_apart(url)[0])


def with_credentials(url: str, credentials: Credentials) -> str:
    """Return the URL that opens a server's store. It must not leave the process."""
    kind = server_kind(url)
    if kind is None or kind.is_bucket or not (credentials.user or credentials.password):
        return url
    scheme, _, rest = url.partition("://")
    user, password = (quote(part, safe="") for part in (credentials.user, credentials.password))
    return f"{scheme}://{user}{f':{password}' if password else ''}@{rest}"


def hosts_of(url: StoreUrl, credentials: Credentials) -> Iterator[tuple[str, int | None]]:
    """Yield the hosts that a server's store lies on with their ports, None where nobody knows.

    Raises PermanentStoreError for what is no host or port.
    """
    if url.kind.is_bucket:
        parts = urlsplit(server_of(url.scheme, url.query, credentials.user))
        yield _host(parts.netloc, _PLAIN if parts.scheme == "http" else _TLS)
        return
    usual = PORTS.get(url.scheme.rpartition("+")[2])
    for text in url.server.rpartition("@")[2].split(","):
        yield _host(text, usual)


def _host(text: str, usual: int | None) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = unquote(parts.hostname or ""), parts.port or usual
    except ValueError:
        host, port = "", None
    if not host or host.startswith(("/", "@")) or "@" in text:
        raise AddressRefused(
            "The address names no host, or a port that is no number; nothing was opened. Write it "
            "as in postgresql://db.example.com:5432/name"
        )
    return host, port
