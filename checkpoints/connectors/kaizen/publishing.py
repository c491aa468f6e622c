"""A new file that appears whole or not at all, in a folder that others write into.

The file is written aside, flushed and then linked to its name, which fails rather than replace
another. Restores of one folder exclude each other by a lock on the folder itself, so that no lock
file is left among Kaizen's.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from checkpoints.connectors.kaizen.folder import Entry, Folder
from checkpoints.connectors.kaizen.names import TEMPORARY_SUFFIX
from checkpoints.errors import PermanentStoreError, PlanRefused, TransientStoreError

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})


@contextmanager
def locked(folder: Folder, subfolder: str) -> Iterator[int]:
    """Keep other restores out and give the folder's descriptor. Raises StoreError."""
    with folder.opened(subfolder) as directory:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TransientStoreError(
                f"{folder.path} is being restored in by another process; try again"
            ) from error
        except OSError as error:
            raise PermanentStoreError(
                f"{folder.path} cannot be locked: {error.strerror}; nothing was written"
            ) from error
        yield directory


def publish(directory: int, name: str, content: bytes, *, like: Entry) -> None:
    """Make a file appear whole under its name, or not at all. Raises StoreError, PlanRefused.

    It gets the permissions and the owner of ``like``, one of the agent's own.
    """
    temporary = temporary_name(name)
    try:
        discard(directory, temporary)
        _write(directory, temporary, content, like)
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        os.fsync(directory)
    except OSError as error:
        raise _explain(name, error) from error
    finally:
        discard(directory, temporary)


def _explain(name: str, error: OSError) -> PlanRefused | PermanentStoreError | TransientStoreError:
    if error.errno == errno.EEXIST:
        return PlanRefused(f"{name} exists already and is not replaced; nothing was changed")
    kind = PermanentStoreError if error.errno in _LASTING else TransientStoreError
    return kind(f"{name} could not be written: {error.strerror}")


def temporary_name(name: str) -> str:
    """Return where a file is written before it gets its name."""
    return f".{name}{TEMPORARY_SUFFIX}"


def discard(directory: int, name: str) -> None:
    """Remove a temporary file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def _write(directory: int, name: str, content: bytes, like: Entry) -> None:
    """Write a file durably, readable by whom the agent's own files are readable."""
    descriptor = os.open(name, _CREATE, 0o600, dir_fd=directory)
    with open(descriptor, "wb") as file:
        _own_as(directory, descriptor, like.name)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _own_as(directory: int, descriptor: int, name: str) -> None:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    os.fchmod(descriptor, status.st_mode & 0o777)
    with suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
