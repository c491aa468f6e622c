"""Folders that belong to one living process, and to the next one when it is dead.

Of a spool that users share only one's own folders are touched: what others put there could lead
elsewhere or be sent with one's own token.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from checkpoints.identifiers import new_id

LOCK = "lock"
TRIES = 10
_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def is_own(path: Path) -> bool:
    """Say whether this is a folder of this user's into which nobody else can write."""
    try:
        status = path.lstat()
    except OSError:
        return False
    mine = status.st_uid == os.geteuid() and not status.st_mode & _BY_OTHERS
    return mine and stat.S_ISDIR(status.st_mode)


def folders_in(path: Path) -> list[Path]:
    """Return the folders in one of ours, by name; none where it is not ours or gone."""
    with contextlib.suppress(OSError):
        return sorted(found for found in path.iterdir() if found.is_dir()) if is_own(path) else []
    return []


class OwnedFolder:
    """A folder that is ours while we hold the lock in it; the lock ends with the process."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def create(cls, parent: Path) -> OwnedFolder:
        """Make a new folder below ``parent``. Raises OSError.

        Another process may take a new folder for a dead one's before it is locked; it is then gone
        and the next name is tried.
        """
        for _ in range(TRIES):
            path = parent / new_id()
            path.mkdir(parents=True, mode=0o700)
            if (found := cls.seize(path)) is not None:
                return found
        raise OSError(f"no folder below {parent} could be locked")

    @classmethod
    def seize(cls, path: Path) -> OwnedFolder | None:
        """Take over a folder whose owner is dead; None when it lives, is not ours or is gone.

        Raises OSError where files cannot be locked.
        """
        if not is_own(path):
            return None
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            lock = os.open(path / LOCK, flags, 0o600)
        except FileNotFoundError:
            return None
        mine = False
        try:
            mine = _locked(lock, path / LOCK)
        finally:
            if not mine:
                os.close(lock)
        return cls(path, lock) if mine else None

    def release(self) -> None:
        """Let go of the folder; remove it when nothing is left in it."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            if all(entry.name == LOCK for entry in self.path.iterdir()):
                (self.path / LOCK).unlink()
                self.path.rmdir()
        self.abandon()

    def abandon(self) -> None:
        """Close our end only: in a forked child the folder stays its parent's."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(lock: int, path: Path) -> bool:
    """Lock a file; say whether that worked and it is still the one at its path."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(lock).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
