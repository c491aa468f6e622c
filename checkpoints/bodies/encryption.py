"""Bodies that only the holder of a key can read: AES-256 in GCM, with keys that can be changed."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from checkpoints.errors import CorruptCheckpoint, PermanentStoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12
"""Bytes of the random number that begins each sealed text (NIST SP 800-38D, 8.2.2)."""
KEY = 32
MAX_NAME = 64


class NotOpened(CorruptCheckpoint):
    """Another key of the same name sealed it, or somebody forged it."""


class Keyring:
    """Named keys of 32 bytes. The first one seals, all of them open.

    To change a key, put a new one in front and keep the old ones until nothing is sealed with
    them any more.
    """

    def __init__(self, keys: Iterable[tuple[str, bytes]]) -> None:
        given = list(keys)
        named = dict(given)
        if not named:
            raise PermanentStoreError("a keyring needs at least one key")
        if len(named) != len(given):
            raise PermanentStoreError("two keys have the same name; each needs one of its own")
        self._ciphers = {name: _cipher(name, key) for name, key in named.items()}
        self.current = next(iter(named))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read ``name:key,name:key``; each key is 32 bytes in URL-safe base64.

        Raises PermanentStoreError, which never repeats a key.
        """
        return cls(_parsed(entry) for entry in text.split(",") if entry.strip())

    @staticmethod
    def new_key() -> str:
        """Return a new random key as :meth:`from_text` takes it."""
        return base64.urlsafe_b64encode(os.urandom(KEY)).decode("ascii")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys, that which seals first."""
        return tuple(self._ciphers)

    def seal(self, data: bytes, bound_to: bytes, *, name: str | None = None) -> bytes:
        """Encrypt with the current key or a named one.

        What it is bound to must be given again to open it.
        """
        nonce = os.urandom(NONCE)
        return nonce + self._ciphers[name or self.current].encrypt(nonce, data, bound_to)

    def open(self, name: str, sealed: bytes, bound_to: bytes) -> bytes:
        """Decrypt what the named key sealed.

        Raises PermanentStoreError when that key is not here, CorruptCheckpoint when the key is
        another one of the same name or a byte of it is not as it was.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._ciphers.get(name)
        if cipher is None:
            raise wrong_key(name, ", ".join(self._ciphers))
        try:
            return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], bound_to)
        except (InvalidTag, ValueError) as error:
            raise NotOpened(
                f"the key {name!r} does not open it: it is another key, or the bytes are damaged"
            ) from error


def wrong_key(name: str, given: str) -> PermanentStoreError:
    """Return the error for a body whose key is not at hand."""
    have = f"the keys given are {given}" if given else "no key was given"
    return PermanentStoreError(
        f"it is encrypted with the key {name!r} and {have}; nothing was changed, "
        "open the store with that key"
    )


def _parsed(entry: str) -> tuple[str, bytes]:
    name, _, text = entry.strip().partition(":")
    try:
        key = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY:
        raise PermanentStoreError(
            f"an entry is not a name, a colon and {KEY} bytes in URL-safe base64; write name:key"
        )
    return name, key


def _cipher(name: str, key: bytes) -> AESGCM:
    if not name or len(name.encode()) > MAX_NAME or not name.isprintable():
        raise PermanentStoreError("a key's name must have 1 to 64 printable characters")
    if len(key) != KEY:
        raise PermanentStoreError(f"a key has {len(key)} bytes, it must have {KEY}")
    try:
        from cryptography.hazmat.primitives.ciphers import aead
    except ModuleNotFoundError as error:
        raise PermanentStoreError(
            "encryption needs cryptography; install it with: pip install 'holdfast[encryption]'"
        ) from error
    return aead.AESGCM(key)
