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

_TRANSIENT = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ETIMEDOUT, errno.ENETDOWN}


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, durably: temporary file, fsync, rename, fsync of the folder.

    Raises StoreError; the old file then stands as it was.
    """
    with translated_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


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


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
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
    return kind(f"{path}: {error.strerror}; nothing was acknowledged")
