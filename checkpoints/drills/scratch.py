"""Scratch folders that are removed whatever happens, after a kill by whoever comes next.

Beside each folder lies a file that its process holds locked. The lock ends with the process, so
a folder whose lock can be taken is nobody's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from checkpoints.errors import PermanentStoreError

PREFIX = "holdfast-rehearsal-"
LOCK = ".lock"
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_OPEN = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make an empty folder in ``parent`` that only its owner may enter, and remove it in the end.

    Raises PermanentStoreError when it cannot be made.
    """
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(parent)
        lock, folder = _locked(parent)
    except OSError as error:
        raise _not_made(parent, error) from error
    try:
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise _not_made(parent, error) from error
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def _not_made(parent: Path, error: OSError) -> PermanentStoreError:
    return PermanentStoreError(
        f"no scratch folder can be made in {parent}: {error.strerror}; nothing was rehearsed"
    )


def sweep_scratch(parent: Path) -> int:
    """Remove the folders in ``parent`` whose process is gone; return how many there were."""
    swept = 0
    for path in sorted(parent.glob(f"{PREFIX}*{LOCK}")) if parent.is_dir() else ():
        swept += _swept(path)
    return swept


def _require_own(parent: Path) -> None:
    """Raise PermanentStoreError for a folder in which others can put theirs for ours.

    Who may rename in it could take the scratch folder away before states are written into it.
    """
    found = parent.stat()
    is_open = bool(found.st_mode & stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    if is_open or found.st_uid not in (0, os.geteuid()):
        raise PermanentStoreError(
            f"{parent} belongs to or can be written by others, and copies of states would lie in "
            "it; nothing was rehearsed. Name a folder of your own, or take others' right to write"
        )


def _locked(parent: Path) -> tuple[int, Path]:
    """Make a locked file for a name that nobody has; a sweeper may have been faster to lock it."""
    while True:
        folder = parent / f"{PREFIX}{token_hex(8)}"
        path = _lock_of(folder)
        lock = os.open(path, _CREATE, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_same(lock, path):
            return lock, folder
        os.close(lock)


def _is_same(lock: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), path.lstat())
    except FileNotFoundError:
        return False


def _swept(path: Path) -> bool:
    try:
        lock = os.open(path, _OPEN)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(path.with_name(path.name.removesuffix(LOCK)))
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _remove(folder: Path) -> None:
    """Remove a folder, then the file that says whose it is."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{LOCK}")
