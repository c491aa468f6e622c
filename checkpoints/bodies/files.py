"""Files that after a crash are old or new, never half."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError

TEMPORARY = ".tmp"
"""How the names of files end that nothing refers to yet."""
_TRANSIENT = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ETIMEDOUT, errno.ENETDOWN}


class SyncFailed(OSError):
    """An fsync failed: what of the file is on the disk cannot be known, nor asked again."""


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, durably: temporary file, fsync, rename, fsync of the folder.

    Raises StoreError; the old file then stands as it was.
    """
    with translated_errors(path):
        make_folder(path.parent)
        temporary = write_temporary(path.parent, data)
        try:
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, durably. Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def write_temporary(folder: Path, data: bytes) -> Path:
    """Write a file under a name of its own and sync it. Raises OSError with nothing left."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=TEMPORARY)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def sync(handle: int) -> None:
    """Make an open file durable. Raises SyncFailed; it must not be asked again."""
    try:
        os.fsync(handle)
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror or str(error)) from error


def read_inside(root: Path, path: Path, *, limit: int) -> bytes:
    """Return the bytes of a file below ``root``, never those of a file elsewhere.

    No symbolic link below the root is followed, only regular files are read. Raises StoreError,
    also for a file of more than ``limit`` bytes.
    """
    with translated_errors(path), contextlib.ExitStack() as stack:
        *folders, name = path.relative_to(root).parts
        folder = _opened(stack, root, os.O_DIRECTORY, None)
        for part in folders:
            folder = _opened(stack, part, os.O_DIRECTORY | os.O_NOFOLLOW, folder)
        handle = _opened(stack, name, os.O_NOFOLLOW | os.O_NONBLOCK, folder)
        require_regular(path, handle, limit=limit)
        with open(handle, "rb", closefd=False) as file:
            return file.read(limit)


def _opened(stack: contextlib.ExitStack, name: Path | str, flags: int, folder: int | None) -> int:
    handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=folder)
    stack.callback(os.close, handle)
    return handle


def require_regular(path: Path, handle: int, *, limit: int) -> None:
    """Raise PermanentStoreError unless an open file is a regular one of at most ``limit`` bytes."""
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise PermanentStoreError(f"{path} is not a regular file")
    if found.st_size > limit:
        raise PermanentStoreError(f"{path} has {found.st_size} bytes; at most {limit} are read")


def publish(made: Path, path: Path) -> None:
    """Give a finished file its name, unless another process has put one there meanwhile."""
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            made.rename(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says into the store errors, naming the path."""
    try:
        yield
    except FileNotFoundError as error:
        raise PermanentStoreError(f"{path}: there is no such file or folder") from error
    except OSError as error:
        kind = TransientStoreError if error.errno in _TRANSIENT else PermanentStoreError
        raise _explained(kind, path, error) from error


def _explained(kind: type[StoreError], path: Path, error: OSError) -> StoreError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return kind(f"{path}: the disk is full; nothing was saved, what was saved before is safe")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return kind(f"{path}: writing or reading is not permitted; nothing was changed")
    if error.errno == errno.EFBIG:
        return kind(f"{path}: this process may not let a file grow so large; nothing was saved")
    return kind(f"{path}: {error.strerror or error}; nothing was acknowledged")
