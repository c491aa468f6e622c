"""What stands in the way of a store, in words for who adds it, whatever its driver said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import checkpoints
from dashboard.credentials import CredentialsLost
from dashboard.hosts import HostNotAllowed, HostUnknown, NotReached

_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """A stable code for programs, and a sentence that says what to do."""

    code: str
    sentence: str


_OWN: tuple[tuple[type[Exception], str], ...] = (
    (HostNotAllowed, "host_not_allowed"),
    (HostUnknown, "host_unknown"),
    (NotReached, "not_reached"),
    (CredentialsLost, "credentials_lost"),
)


class _Known(NamedTuple):
    said: str
    code: str
    sentence: str


_KNOWN = (
    _Known(
        r"no password supplied|fe_sendauth|NOAUTH|wants a password",
        "password_missing",
        "The server asks for a password, and none was given.",
    ),
    _Known(
        r"password authentication failed|WRONGPASS|invalid username-password|InvalidAccessKeyId"
        r"|SignatureDoesNotMatch|AuthenticationFailed|refuses this user and password|role \S+ does"
        r" not exist|InvalidToken",
        "wrong_password",
        "The server refuses this user and password.",
    ),
    _Known(
        r"database \S+ does not exist|has no such database|DB index is out of range",
        "no_database",
        "The server has no database of this name.",
    ),
    _Known(
        r"NoSuchBucket|there is no such bucket|ContainerNotFound",
        "no_database",
        "There is no bucket of this name.",
    ),
    _Known(
        r"pg_hba\.conf",
        "not_let_in",
        "The server lets nobody in from here as this user; its administrator can allow it in "
        "pg_hba.conf.",
    ),
    _Known(
        r"permission denied|NOPERM|forbids this (?:role|user)|AccessDenied|may not be done",
        "no_permission",
        "The server knows this user, but does not let it read the store. Grant it SELECT on the "
        "tables, or whatever reading is called there.",
    ),
    _Known(
        r"certificate|\bSSL\b|\bTLS\b|wrong version number",
        "tls",
        "The encrypted connection could not be made: the server offers none, or its certificate "
        "is not trusted here. See sslmode= and sslrootcert= in the address.",
    ),
    _Known(
        r"timed? ?out|timeout",
        "timeout",
        "The server took the connection but did not answer in time.",
    ),
)


def refusal_of(error: BaseException, *, on_server: bool) -> Refusal:
    """Return what an error means; its own words where nothing better is known."""
    own = next((code for kind, code in _OWN if isinstance(error, kind)), None)
    text = " ".join(_texts(error))
    if own is None and on_server:
        for known in _KNOWN:
            if re.search(known.said, text, re.IGNORECASE):
                return Refusal(known.code, f"{known.sentence} Nothing was changed.")
    if own is None and not isinstance(error, checkpoints.CheckpointError):
        return Refusal(
            "unreadable",
            f"The store cannot be read ({type(error).__name__}); it may be damaged. Nothing was "
            "changed; the log says more.",
        )
    return Refusal(own or "refused", f"{str(error).rstrip('.')}.")


def _texts(error: BaseException | None) -> list[str]:
    found: list[str] = []
    while error is not None and len(found) < _DEEPEST:
        found.append(str(error))
        error = error.__cause__
    return found
