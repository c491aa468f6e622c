"""Messages as files. Each is published and claimed by one rename, so none is ever half there.

``incoming/`` holds what is being written, ``ready/<queue>/`` what waits, ``claimed/<owner>/``
what a process works on, ``damaged/`` what was no message. An owner keeps a lock on its folder for
as long as it lives; what it held goes back to ``ready`` once the lock is free.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import stat
import time
import uuid
from collections import deque
from pathlib import Path
from typing import NamedTuple

MAX_MESSAGE_BYTES = 1_000_000
ADOPT_EVERY_SECONDS = 5.0
LOCK_NAME = "owner.lock"
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")

logger = logging.getLogger(__name__)


class Claim(NamedTuple):
    """A message that this process has taken; ``path`` names it until it is dropped or returned."""

    path: Path
    content: bytes


class MessageFolder:
    """One broker folder, as one process sees it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, deque[str]] = {}
        self._owner: Path | None = None
        self._owner_lock: int | None = None
        self._adopted_at = float("-inf")
        for name in ("incoming", "ready", "claimed", "damaged"):
            (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def publish(self, queue: str, content: bytes) -> None:
        """Make a message visible to all consumers, whole and at once."""
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        written = self._root / "incoming" / name
        written.write_bytes(content)
        os.rename(written, self._queue(queue) / name)

    def claim(self, queue: str) -> Claim | None:
        """Take the oldest message that nobody else has; ``None`` when there is none."""
        self._adopt_now_and_then()
        owner = self._own_folder()
        while (name := self._next_name(queue)) is not None:
            taken = owner / f"{queue}@{name}"
            try:
                os.rename(self._queue(queue) / name, taken)
            except FileNotFoundError:
                continue
            content = _read(taken)
            if content is not None:
                return Claim(path=taken, content=content)
            self.set_aside(taken)
        return None

    def drop(self, path: Path) -> None:
        """Forget a claimed message: its work is done."""
        path.unlink(missing_ok=True)

    def give_back(self, path: Path) -> None:
        """Let another consumer have a claimed message."""
        queue, _, name = path.name.partition("@")
        os.rename(path, self._queue(queue) / name)

    def set_aside(self, path: Path) -> None:
        """Move something that is no message out of the way, and say so."""
        kept = self._root / "damaged" / f"{uuid.uuid4().hex}@{path.name}"
        os.rename(path, kept)
        logger.error("a damaged message was set aside as %s", kept)

    def size(self, queue: str) -> int:
        """Return how many messages wait."""
        return len(os.listdir(self._queue(queue)))

    def purge(self, queue: str) -> int:
        """Delete what waits; return how many messages that were."""
        paths = list(self._queue(queue).iterdir())
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def close(self) -> None:
        """Let go of this process's claims; others may take them from now on."""
        if self._owner_lock is not None:
            os.close(self._owner_lock)
        self._owner = self._owner_lock = None

    def _queue(self, queue: str) -> Path:
        if not _SAFE_NAME.fullmatch(queue):
            raise ValueError(f"{queue!r} cannot be the name of a queue")
        folder = self._root / "ready" / queue
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _next_name(self, queue: str) -> str | None:
        listed = self._listed.get(queue)
        if not listed:
            listed = self._listed[queue] = deque(sorted(os.listdir(self._queue(queue))))
        return listed.popleft() if listed else None

    def _own_folder(self) -> Path:
        if self._owner is None:
            hidden = self._root / "incoming" / f"{os.getpid()}-{uuid.uuid4().hex}"
            hidden.mkdir(mode=0o700)
            self._owner_lock = os.open(hidden / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._owner_lock, fcntl.LOCK_EX)
            self._owner = self._root / "claimed" / hidden.name
            os.rename(hidden, self._owner)
        return self._owner

    def _adopt_now_and_then(self) -> None:
        if time.monotonic() - self._adopted_at < ADOPT_EVERY_SECONDS:
            return
        self._adopted_at = time.monotonic()
        for folder in (self._root / "claimed").iterdir():
            if folder != self._owner:
                self._adopt(folder)

    def _adopt(self, folder: Path) -> None:
        try:
            lock = os.open(folder / LOCK_NAME, os.O_RDWR)
        except (FileNotFoundError, NotADirectoryError):
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            self._empty(folder)
        finally:
            os.close(lock)

    def _empty(self, folder: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            for path in list(folder.iterdir()):
                if path.name != LOCK_NAME:
                    self._return_or_set_aside(path)
            (folder / LOCK_NAME).unlink(missing_ok=True)
            folder.rmdir()

    def _return_or_set_aside(self, path: Path) -> None:
        try:
            self.give_back(path)
        except ValueError:
            self.set_aside(path)


def _read(path: Path) -> bytes | None:
    """Return a regular file's content; ``None`` for anything else, or when it is too large."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        content = file.read(MAX_MESSAGE_BYTES + 1)
    return content if len(content) <= MAX_MESSAGE_BYTES else None
