"""The data folder and the secret key that an installation on one machine makes for itself."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from pathlib import Path

from dashboard.configuration import PREFIX, ConfigurationError

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_KEY_BYTES = 48


def prepare_data_dir(folder: Path) -> None:
    """Create the data folder for its owner alone. Raises ConfigurationError when it cannot be."""
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"{PREFIX}DATA_DIR cannot be used: {folder}: {reason}.") from None


def keep_private() -> None:
    """Let whatever this process and its children create be their owner's alone."""
    os.umask(_OTHERS)


def warn_if_shared(folder: Path) -> None:
    """Write a line to the standard error stream when others can look into the data folder."""
    if folder.is_dir() and folder.stat().st_mode & _OTHERS:
        print(  # noqa: T201 - before any log is set up
            f"holdfast: others on this machine can look into {folder}, which holds accounts and "
            f"keys. To keep them out: chmod 700 {folder}",
            file=sys.stderr,
            flush=True,
        )


def secret_key(folder: Path) -> str:
    """Return the key kept in ``folder``; the first call makes it, readable by its owner alone."""
    path = folder / "secret_key"
    try:
        return path.read_text() or _write_key(path)
    except FileNotFoundError:
        return _write_key(path)


def _write_key(path: Path) -> str:
    """Write a key beside ``path`` and link it there, so that of two processes one wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
