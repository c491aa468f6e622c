"""Files that after a crash are old or new, never half."""

from __future__ import annotations

import contextlib
import errno
import os
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
