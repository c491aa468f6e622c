"""Opening a bucket for somebody else: with what they gave, and nothing of this process.

The library fills in from the environment what it is not told, a session's token to a key of
somebody else included, so everything that matters is told.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from checkpoints.errors import PermanentStoreError
from checkpoints.stores.reach import Reach

_REGION = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}", re.ASCII)
_OF_SERVICE_ACCOUNT = ("type", "client_email", "private_key", "private_key_id")
"""The rest of a service account's file may name servers to send a signed request to."""
_NOTHING_OPENED = "Nothing was opened"


def server_of(scheme: str, query: dict[str, str], user: str) -> str:
    """Return the address of the server that answers for a bucket.

    ``user`` is the account on Azure. Raises PermanentStoreError for a region or an account that is
    none: both become part of a host's name.
    """
    if scheme == "gs":
        return "https://storage.googleapis.com"
    if scheme == "az":
        if not _ACCOUNT.fullmatch(user):
            raise PermanentStoreError(
                "a container on Azure needs its account's name as the user and one of its keys as "
                f"the password. {_NOTHING_OPENED}"
            )
        return f"https://{user}.blob.core.windows.net"
    region = query.get("region", "us-east-1")
    if not _REGION.fullmatch(region):
        raise PermanentStoreError(
            f"region= must be one like eu-central-1, in small letters. {_NOTHING_OPENED}"
        )
    return query.get("endpoint") or f"https://s3.{region}.amazonaws.com"


def options(scheme: str, query: dict[str, str], reach: Reach) -> dict[str, Any]:
    """Return what the library is told. Raises PermanentStoreError for unusable credentials."""
    if scheme == "gs":
        return {"service_account_key": _key_file(reach)} if reach.password else _ANYBODY
    server = server_of(scheme, query, reach.user)
    if scheme == "az":
        key = {"access_key": reach.password, "expires_at": None}
        signed = {"credential_provider": lambda: key} if reach.password else _ANYBODY
        return {"account_name": reach.user, "endpoint": server, **signed}
    pair = {"access_key_id": reach.user, "secret_access_key": reach.password}
    mine = {**pair, "token": None, "expires_at": None}
    signed = {"credential_provider": lambda: mine} if reach.password else _ANYBODY
    return {"endpoint": _pinned(server, reach), **signed}


_ANYBODY = {"skip_signature": True}


def _pinned(server: str, reach: Reach) -> str:
    """Return a server's address with its host's number for its name, where no certificate counts.

    With TLS the name stays: who answers must prove that it is theirs.
    """
    parts = urlsplit(server)
    if parts.scheme != "http" or not parts.hostname:
        return server
    address = reach.addresses_of(parts.hostname)[0]
    host = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()


def _key_file(reach: Reach) -> str:
    try:
        given = json.loads(reach.password)
        return json.dumps({name: str(given[name]) for name in _OF_SERVICE_ACCOUNT})
    except (KeyError, TypeError, ValueError):
        raise PermanentStoreError(
            "the password of a bucket on Google Cloud is the JSON of a service account's key, "
            f"with type, client_email, private_key and private_key_id. {_NOTHING_OPENED}"
        ) from None
