"""A folder that others write into, read without ever leaving it.

Symbolic links are not followed, and what is not a regular file (pipes, devices, sockets) is not
opened: both could lead outside or wait for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from checkpoints.errors import (
    CheckpointNotFound,
    PermanentStoreError,
    TransientStoreError,
)

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What tells one writing of a file from another. ``changed_ns`` cannot be set back."""

    inode: int
    size: int
    changed_ns: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A regular file of the folder; ``subfolder`` is empty at the top."""

    subfolder: str
    name: str
    stamp: Stamp

    @property
    def place(self) -> str:
        """The file's path within the folder."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file's bytes together with its status when they were read."""

    content: bytes
    status: os.stat_result


class Folder:
    """The root of a store of files; ``depth`` levels of folders in it are read too.

    Raises PermanentStoreError when it is not a folder.
    """

    def __init__(self, path: Path, *, depth: int = 1) -> None:
        self.path = path
        self.depth = depth
        with self.opened():
            pass

    @property
    def identity(self) -> str:
        """What changes when another folder takes this one's place. Raises PermanentStoreError."""
        with self._explained():
            status = self.path.stat()
        return f"{status.st_dev}:{status.st_ino}"

    @contextmanager
    def opened(self, subfolder: str = "") -> Iterator[int]:
        """Open the folder, or one within it, and give its descriptor."""
        with ExitStack() as stack:
            with self._explained():
                directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, directory)
            for part in PurePosixPath(subfolder).parts:
                if part in ("..", "/"):
                    raise PermanentStoreError(f"{subfolder!r} leads out of {self.path}")
                directory = os.open(part, FOLDER, dir_fd=directory)
                stack.callback(os.close, directory)
            yield directory

    def entries(self) -> Iterator[Entry]:
        """Yield the regular files, by name, those at the top before those in folders."""
        yield from self._inside("", self.depth)

    def entry(self, name: str) -> Entry | None:
        """Return one regular file at the top, without listing the others."""
        if "/" in name or not name.isprintable():
            return None
        with self.opened() as directory:
            return next(_entries(directory, "", [name]), None)

    def _inside(self, subfolder: str, depth: int) -> Iterator[Entry]:
        with self.opened(subfolder) as directory:
            names = _names(directory)
            yield from _entries(directory, subfolder, names)
            if not depth:
                return
            for name in names:
                if _is_directory(directory, name):
                    yield from self._below(f"{subfolder}/{name}".lstrip("/"), depth - 1)

    def _below(self, subfolder: str, depth: int) -> Iterator[Entry]:
        """Yield what is in a folder; nothing for one that went, or became a link."""
        try:
            yield from self._inside(subfolder, depth)
        except OSError as error:
            if error.errno not in _GONE:
                raise TransientStoreError(
                    f"{self.path / subfolder} cannot be read: {error.strerror}"
                ) from error

    def read(self, entry: Entry, limit: int) -> bytes:
        """Return a file's bytes, at most ``limit`` and one more. Raises CheckpointNotFound."""
        return self.stored(entry, limit).content

    def stored(self, entry: Entry, limit: int) -> Stored:
        """Return a file's bytes, and what the file itself has. Raises CheckpointNotFound."""
        try:
            with self.opened(entry.subfolder) as directory:
                return read_in(directory, entry.name, limit)
        except FileNotFoundError:
            raise CheckpointNotFound(f"{self.path / entry.place} is gone") from None
        except OSError as error:
            raise TransientStoreError(
                f"{self.path / entry.place} cannot be read: {error.strerror}"
            ) from error

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise PermanentStoreError(f"{self.path} does not exist") from None
        except NotADirectoryError:
            raise PermanentStoreError(f"{self.path} is not a folder") from None
        except OSError as error:
            raise PermanentStoreError(f"{self.path} cannot be read: {error.strerror}") from error


def read_in(directory: int, name: str, limit: int) -> Stored:
    """Read a file of an opened folder. Raises OSError, or CheckpointNotFound for what is none."""
    with open(os.open(name, _FILE, dir_fd=directory), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointNotFound(f"{name} is not a regular file any more")
        content = file.read(min(status.st_size, limit) + 1)
        if status.st_size < len(content) <= limit:
            content += file.read(limit + 1 - len(content))
        return Stored(content=content, status=status)


def _names(directory: int) -> list[str]:
    """Return the names in a folder, without those that are no text."""
    return sorted(name for name in os.listdir(directory) if name.isprintable())


def _entries(directory: int, subfolder: str, names: list[str]) -> Iterator[Entry]:
    for name in names:
        status = _status(directory, name)
        if status and stat.S_ISREG(status.st_mode):
            yield Entry(subfolder=subfolder, name=name, stamp=_stamp(status))


def _is_directory(directory: int, name: str) -> bool:
    status = None if name.startswith(".") else _status(directory, name)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _status(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise


def stamp_in(directory: int, name: str) -> Stamp:
    """Return the stamp of a file of an opened folder. Raises OSError."""
    return _stamp(os.stat(name, dir_fd=directory, follow_symlinks=False))


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(
        inode=status.st_ino,
        size=status.st_size,
        changed_ns=status.st_ctime_ns,
        modified_ns=status.st_mtime_ns,
    )
