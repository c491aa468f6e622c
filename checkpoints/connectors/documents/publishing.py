"""A new file that appears whole or not at all, in a folder that others write into.

The file is written aside, flushed and then linked to its name, which fails rather than replace
another. Whoever writes in a folder holds a lock on the folder itself, so that no lock file is left
among the framework's.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from checkpoints.connectors.documents.folder import FOLDER, Folder
from checkpoints.errors import PermanentStoreError, PlanRefused, TransientStoreError

TEMPORARY_SUFFIX = ".holdfast-tmp"

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LASTING = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENAMETOOLONG,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
    }
)
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a file has besides its name and content. ``modified_ns`` is given only to old files."""

    mode: int
    owner: int
    group: int
    modified_ns: int | None = None


@contextmanager
def locked(folder: Folder, subfolder: str) -> Iterator[int]:
    """Keep other operations out and give the folder's descriptor. Raises StoreError."""
    with ExitStack() as stack:
        directory = _entered(stack, folder, subfolder)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TransientStoreError(
                f"{folder.path} is being changed by another process; try again"
            ) from error
        except OSError as error:
            raise PermanentStoreError(
                f"{folder.path} cannot be locked: {error.strerror}; nothing was written"
            ) from error
        yield directory


def _entered(stack: ExitStack, folder: Folder, subfolder: str) -> int:
    try:
        return stack.enter_context(folder.opened(subfolder))
    except OSError as error:
        raise PermanentStoreError(
            f"{folder.path / subfolder} cannot be opened as a folder: {error.strerror}; "
            "nothing was written"
        ) from error


def make_folder(parent: int, name: str) -> None:
    """Make a folder that is open to whom its parent is, if it is not there. Raises StoreError."""
    try:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        descriptor = os.open(name, FOLDER, dir_fd=parent)
        try:
            _own_as(descriptor, _look(os.fstat(parent)))
        finally:
            os.close(descriptor)
        os.fsync(parent)
    except OSError as error:
        raise _explain(name, error) from error


def look_of(directory: int, name: str) -> Look:
    """Return what a new file gets that is to look like this one. Raises StoreError."""
    try:
        return _look(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except OSError as error:
        raise _explain(name, error) from error


def _look(status: os.stat_result) -> Look:
    return Look(mode=status.st_mode & 0o777, owner=status.st_uid, group=status.st_gid)


def publish(directory: int, name: str, content: bytes, look: Look) -> None:
    """Make a file appear whole under its name, or not at all. Raises StoreError, PlanRefused."""
    place(directory, name, content, look)
    try:
        os.fsync(directory)
    except OSError as error:
        raise _explain(name, error) from error


def place(directory: int, name: str, content: bytes, look: Look) -> None:
    """Do as ``publish`` does, but for the name's being durable: the caller flushes the folder."""
    temporary = temporary_name(name)
    try:
        discard(directory, temporary)
        _write(directory, temporary, content, look)
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        raise _explain(name, error) from error
    finally:
        # What else lies there is somebody else's, and was said to be in the way.
        with suppress(OSError):
            discard(directory, temporary)


def _explain(name: str, error: OSError) -> PlanRefused | PermanentStoreError | TransientStoreError:
    if error.errno == errno.EEXIST:
        return PlanRefused(f"{name} exists already and is not replaced; nothing was changed")
    kind = PermanentStoreError if error.errno in _LASTING else TransientStoreError
    return kind(f"{name} could not be written: {error.strerror}")


def temporary_name(name: str) -> str:
    """Return where a file is written before it gets its name."""
    return f".{_short(name)}{TEMPORARY_SUFFIX}"


def _short(name: str) -> str:
    """Return a name, or what stands for one that leaves no room for more letters."""
    known = name.encode()
    return name if len(known) <= _LONGEST else hashlib.sha256(known).hexdigest()


def discard(directory: int, name: str) -> None:
    """Remove a temporary file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def _write(directory: int, name: str, content: bytes, look: Look) -> None:
    """Write a file durably, readable by whom the agent's own files are readable."""
    descriptor = os.open(name, _CREATE, 0o600, dir_fd=directory)
    with open(descriptor, "wb") as file:
        _own_as(descriptor, look)
        file.write(content)
        file.flush()
        if look.modified_ns is not None:
            os.utime(descriptor, ns=(look.modified_ns, look.modified_ns))
        os.fsync(descriptor)


def _own_as(descriptor: int, look: Look) -> None:
    os.fchmod(descriptor, look.mode)
    with suppress(PermissionError):
        os.fchown(descriptor, look.owner, look.group)
