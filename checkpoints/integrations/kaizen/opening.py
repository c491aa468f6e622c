"""From what a storage is given to the store that it saves into."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from kaizen.core.autonomy.security.encryption import CheckpointEncryptor

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import PermanentStoreError
from checkpoints.stores.base import Store
from checkpoints.stores.urls import open_store

DEFAULT_FOLDER = ".kaizen/checkpoints"
FILE = "holdfast.db"
KEY_NAME = "kaizen"


def folder_of(given: Store | str | os.PathLike[str] | None) -> Path | None:
    """Return the folder that was given in place of a store or its URL, None when none was."""
    if given is None:
        return Path(DEFAULT_FOLDER)
    if isinstance(given, os.PathLike) or (isinstance(given, str) and "://" not in given):
        return Path(given)
    return None


def opened(given: Store | str | os.PathLike[str] | None, keys: Keyring | None) -> Store:
    """Open a store, its URL or the file in a folder. Raises PermanentStoreError."""
    folder = folder_of(given)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        given = f"sqlite:////{quote(os.fsencode(folder.absolute() / FILE)).lstrip('/')}"
    store = open_store(given, keys=keys) if isinstance(given, str) else given
    if not isinstance(store, Store):
        raise PermanentStoreError(
            f"{given} is a store that another framework writes; Kaizen saves into sqlite:///, "
            "postgresql://, redis://, s3://, file:/// or memory://"
        )
    return store


def keyring(encryption_key: str | bytes | None) -> Keyring:
    """Return the key that Kaizen derives of a passphrase, of 32 bytes or of its own variable.

    Raises ValueError as Kaizen's own storage does.
    """
    try:
        return Keyring([(KEY_NAME, CheckpointEncryptor(encryption_key=encryption_key).key)])
    except Exception as error:
        raise ValueError(f"Encryption initialization failed: {error}") from error
