"""Connecting to PostgreSQL for somebody else, with what they gave and nothing of this process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from psycopg import pq

from checkpoints.errors import PermanentStoreError
from checkpoints.stores.reach import CONNECT_SECONDS, Reach

PORT = "5432"
_METHODS_SINCE = 160_000
"""The version of libpq since which a connection may refuse ways to prove who one is."""


def reached(
    pairs: Sequence[tuple[str, str]], reach: Reach, user: str, password: str
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return hosts and ports, one for each address, and the parameters that go with them.

    Raises PermanentStoreError for what names no host or user: libpq would take a socket of this
    machine, and the user that this process runs as.
    """
    if not user:
        raise PermanentStoreError(
            "PostgreSQL wants to know as which user; nothing was opened. Give a user and, unless "
            "the server asks for none, a password"
        )
    if not all(host and not host.startswith(("/", "@")) for host, _ in pairs):
        raise PermanentStoreError(
            "the address names no host but a socket of this machine; nothing was opened. Write the "
            "server's name, as in postgresql://db.example.com/name"
        )
    found = [(host, port, at) for host, port in pairs for at in reach.addresses_of(host)]
    own = {"user": user, "password": password, "connect_timeout": str(CONNECT_SECONDS)}
    parameters = {**own, **_nothing_of_ours()}
    if reach.addresses:
        parameters["hostaddr"] = ",".join(at for _, _, at in found)
    return [(host, port or PORT) for host, port, _ in found], parameters


def _nothing_of_ours() -> dict[str, str]:
    """Return parameters that keep libpq from passwords, tickets and keys of this process."""
    nowhere = str(Path(os.devnull, "none"))  # of a file that is none libpq complains on stderr
    without = {"passfile": nowhere, "gssencmode": "disable"}
    if pq.version() >= _METHODS_SINCE:
        without |= {"require_auth": "password,md5,scram-sha-256,none", "sslcertmode": "disable"}
    return without
