"""Kaizen's encrypted files: AES-256 in GCM under one key, which it may derive from a passphrase.

A key is given as the keys of Holdfast's own stores are, or in the variable that Kaizen itself
reads. No URL carries one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from checkpoints.bodies.encryption import KEY, NONCE, Keyring
from checkpoints.errors import CorruptCheckpoint, PermanentStoreError

VARIABLE: Final = "KAIZEN_ENCRYPTION_KEY"
"""The variable out of which Kaizen itself takes its passphrase."""
_DERIVED: Final = "derived"
_SALT: Final = b"kaizen_checkpoint_encryption_salt_v1"
_ROUNDS: Final = 600_000
_TAG: Final = 16
_UNBOUND: Final = b""


def key_of_passphrase(passphrase: str) -> bytes:
    """Return the key that Kaizen derives from a passphrase; takes some tenths of a second."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), _SALT, _ROUNDS, KEY)


def passphrase_of_environment() -> str | None:
    """Return the passphrase that Kaizen would take; a blank one counts as none."""
    given = os.environ.get(VARIABLE, "")
    return given if given.strip() else None


@dataclass(frozen=True, slots=True)
class Opened:
    """What an encrypted file holds, and how to encrypt another file with the same key."""

    content: bytes
    seal: Callable[[bytes], bytes]


@dataclass(slots=True)
class Keys:
    """The keys at hand for one folder. The passphrase is made a key when it is first needed."""

    keyring: Keyring | None = None
    passphrase: str | None = None
    _derived: Keyring | None = field(default=None, repr=False)

    @property
    def given(self) -> bool:
        """Whether there is any key."""
        return self.keyring is not None or self.passphrase is not None

    def open(self, sealed: bytes) -> Opened:
        """Decrypt a file's content with the first key that fits. Raises CorruptCheckpoint."""
        if len(sealed) < NONCE + _TAG:
            raise CorruptCheckpoint("the file is too short to be an encrypted one")
        for ring in self._rings():
            for name in ring.names:
                try:
                    content = ring.open(name, sealed, _UNBOUND)
                except CorruptCheckpoint:
                    continue
                return Opened(content, partial(ring.seal, bound_to=_UNBOUND, name=name))
        raise CorruptCheckpoint("no key at hand opens it: it is another's, or the file is damaged")

    def _rings(self) -> Iterator[Keyring]:
        if self.keyring is not None:
            yield self.keyring
        if self.passphrase is not None:
            if self._derived is None:
                key = key_of_passphrase(self.passphrase)
                self._derived = Keyring([(_DERIVED, key)])
            yield self._derived


def no_key(place: str) -> PermanentStoreError:
    """Return the refusal to read a file whose key is not at hand."""
    return PermanentStoreError(
        f"{place} is encrypted and no key at hand opens it; give it in HOLDFAST_STORE_KEYS, or the "
        f"passphrase in {VARIABLE}; nothing was changed"
    )
