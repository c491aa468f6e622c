"""What a source's store is opened with: sealed as soon as it is given, and never shown again.

The key is the first of ``HOLDFAST_CREDENTIALS_KEY``, or one derived from the secret key. All of
them open, the derived one too, so that a key can be changed while the old one is still there.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

import checkpoints
from checkpoints.bodies.encryption import KEY, Keyring
from dashboard.configuration import DERIVED_KEY

LABEL = b"holdfast: credentials of sources, 1"
_END_OF_NAME = b"\0"


class CredentialsLost(checkpoints.PermanentStoreError):
    """What a store is opened with was sealed with a key that is not here any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What opens a store. None of it is in the ``repr``.

    ``user`` and ``password`` are a server's; of a bucket on S3 the access key and its secret, on
    Azure the account and its key, on Google Cloud the password alone: a service account's JSON.
    ``store_keys`` are those of an encrypted store, as ``HOLDFAST_STORE_KEYS`` has them.
    """

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    store_keys: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.user or self.password or self.store_keys)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any text."""
        keys = (entry.partition(":")[2].strip() for entry in self.store_keys.split(","))
        return tuple(filter(None, (self.password, self.store_keys, *keys)))


NONE = Credentials()


def seal(credentials: Credentials, *, project_id: int, url: str) -> bytes:
    """Return them readable only with a key, and only for this store in this project.

    Nothing at all where there are none.
    """
    if not credentials:
        return b""
    plain = json.dumps(dataclasses.asdict(credentials)).encode()
    return seal_bytes(plain, bound_to=_bound_to(project_id, url))


def unseal(sealed: bytes, *, project_id: int, url: str) -> Credentials:
    """Return what was sealed for this store. Raises CredentialsLost."""
    if not sealed:
        return NONE
    try:
        plain = unseal_bytes(sealed, bound_to=_bound_to(project_id, url))
        return Credentials(**json.loads(plain))
    except (checkpoints.CheckpointError, TypeError, ValueError):
        raise CredentialsLost(
            "Its credentials cannot be read any more, because the key that they were kept with "
            "has changed; the store was not opened. Enter them again."
        ) from None


def seal_bytes(plain: bytes, *, bound_to: bytes) -> bytes:
    """Return bytes readable only with a key, and only where they are bound to."""
    ring = keyring()
    return ring.current.encode() + _END_OF_NAME + ring.seal(plain, bound_to)


def unseal_bytes(sealed: bytes, *, bound_to: bytes) -> bytes:
    """Return what was sealed. Raises CheckpointError where no key here opens it."""
    name, _, rest = bytes(sealed).partition(_END_OF_NAME)
    return keyring().open(name.decode("utf-8", "replace"), rest, bound_to)


def is_current(sealed: bytes) -> bool:
    """Say whether the key that seals now is the one that sealed this."""
    return bytes(sealed).partition(_END_OF_NAME)[0] == keyring().current.encode()


def keyring() -> Keyring:
    """Return the keys, the one that seals first. Raises PermanentStoreError for malformed ones."""
    given = settings.HOLDFAST_CREDENTIALS_KEY
    return Keyring.from_text(f"{given},{DERIVED_KEY}:{_derived()}")


def _derived() -> str:
    secret = str(settings.SECRET_KEY).encode()
    key = HKDF(algorithm=SHA256(), length=KEY, salt=None, info=LABEL).derive(secret)
    return base64.urlsafe_b64encode(key).decode("ascii")


def _bound_to(project_id: int, url: str) -> bytes:
    return json.dumps(["source", project_id, url]).encode()
