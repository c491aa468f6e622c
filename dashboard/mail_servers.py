"""The server that mail goes out by, as ``HOLDFAST_EMAIL_URL`` names it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}
STARTTLS, NO_TLS = "starttls", "none"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ADDRESS = re.compile(r"[^\s@<>\"',;:\\()\[\]\x00-\x1f\x7f]+@[A-Za-z0-9.-]+", re.ASCII)
_NAMED = re.compile(r"[^<>\"\r\n\x00-\x1f\x7f]*<([^<>]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in. ``smtps`` speaks TLS from the start, ``smtp`` begins it after."""

    host: str
    port: int
    secure: bool
    starttls: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        """Read ``smtp://user:password@host:587``. Raises ValueError.

        ``?tls=none`` sends in the clear, which only this machine and servers without a password
        are trusted with.
        """
        parts, port = _parts(url)
        tls = parse_qs(parts.query).get("tls", [STARTTLS])[-1]
        server = cls(
            host=parts.hostname or "",
            port=port,
            secure=parts.scheme == "smtps",
            starttls=parts.scheme == "smtp" and tls == STARTTLS,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )
        if tls not in (STARTTLS, NO_TLS):
            raise ValueError("tls must be starttls or none")
        server._refuse_bare_password()
        return server

    def _refuse_bare_password(self) -> None:
        clear = not self.secure and not self.starttls
        if clear and self.password and self.host not in _LOOPBACK:
            raise ValueError("a password must not go over the network without TLS")


def sender(text: str) -> str:
    """Return an address that mail can come from, or nothing. Raises ValueError."""
    named = _NAMED.fullmatch(text.strip())
    if text.strip() and not _ADDRESS.fullmatch(named[1].strip() if named else text.strip()):
        raise ValueError("it must be an address such as holdfast@example.com")
    return text.strip()


def _parts(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise ValueError("its port is no number") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("it must look like smtp://user:password@mail.example.com:587")
    return parts, port
