"""The files of a folder store: where each checkpoint lies, and how its file gets there and away.

``<root>/<agent>/<thread>/<id>.<format>``. Names are quoted so that none can leave the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from checkpoints.bodies.documents import MAX_DOCUMENT, FileFormat
from checkpoints.bodies.files import (
    TEMPORARY,
    read_inside,
    sync_folder,
    translated_errors,
    write_atomically,
    write_temporary,
)
from checkpoints.bodies.states import check_of
from checkpoints.errors import PermanentStoreError
from checkpoints.records import Checkpoint

JOURNAL = "journal.jsonl"
LOCK = ".lock"
QUARANTINE = "quarantine"
MAX_NAME = 150
"""Characters of a quoted name before it is shortened; file systems end at 255 bytes."""
MAX_DURABLE = 10_000


class Folder:
    """A root and the format in which new files are written."""

    def __init__(self, root: Path, form: FileFormat = FileFormat.JSON) -> None:
        self.root = root
        self.form = form
        self._durable: set[Path] = set()
        self._forms = sorted(FileFormat, key=lambda other: other is not form)

    def paths(self, record: Checkpoint) -> list[Path]:
        """Return where a checkpoint's file may lie; new ones are written to the first."""
        names = (record.agent_id, record.thread_id, record.id)
        agent, thread, name = (file_name(text) for text in names)
        return [self.root / agent / thread / f"{name}.{form}" for form in self._forms]

    def read(self, path: Path) -> bytes | None:
        """Return the bytes of a file, None when there is none. Raises StoreError."""
        try:
            return read_inside(self.root, path, limit=MAX_DOCUMENT)
        except PermanentStoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def write(self, path: Path, data: bytes) -> Path:
        """Write a file that is to be renamed to ``path``, durably. Raises StoreError."""
        with translated_errors(path):
            self._make(path.parent)
            return write_temporary(path.parent, data)

    def files(self) -> Iterator[Path]:
        """Yield every file that by its place and name holds a checkpoint."""
        for path in sorted(self.root.glob("*/*/*")):
            if path.name.endswith(tuple(f".{form}" for form in FileFormat)):
                yield path

    def taken(self) -> tuple[int, int]:
        """Return the bytes of all files here, and of those in quarantine or left unfinished."""
        stored = away = 0
        for folder, _, names in os.walk(self.root):
            put_away = Path(folder).relative_to(self.root).parts[:1] == (QUARANTINE,)
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    size = Path(folder, name).lstat().st_size
                    stored += size
                    away += size if put_away or name.endswith(TEMPORARY) else 0
        return stored, away

    def remove(self, record: Checkpoint) -> int:
        """Delete a checkpoint's files; return the bytes freed."""
        freed = 0
        for path in self.paths(record):
            with translated_errors(path):
                if path.is_symlink() or path.exists():
                    freed += path.lstat().st_size
                    path.unlink()
        return freed

    def remove_quarantined(
        self, agent_id: str, thread_id: str, checkpoint_ids: Sequence[str] | None
    ) -> None:
        """Delete what of a thread, or of some of its checkpoints, is in quarantine."""
        away = self.root / QUARANTINE / file_name(agent_id) / file_name(thread_id)
        names = None if checkpoint_ids is None else {file_name(name) for name in checkpoint_ids}
        for path in away.glob("*-*.*"):
            name = path.name.partition("-")[2].partition(".")[0]
            if names is None or name in names:
                with translated_errors(path):
                    path.unlink(missing_ok=True)

    def remove_leftovers(self, before: datetime) -> None:
        """Delete what saves that were killed before a time left unfinished."""
        for path in self.root.glob(f"*/*/.*{TEMPORARY}"):
            with translated_errors(path):
                if path.lstat().st_mtime < before.timestamp():
                    path.unlink(missing_ok=True)

    def put_away(self, path: Path, why: str, now: datetime) -> Path:
        """Move a file into quarantine, with the reason beside it. Raises StoreError."""
        inside = path.relative_to(self.root)
        away = self.root / QUARANTINE / inside.parent / f"{now:%Y%m%dT%H%M%S%f}-{path.name}"
        write_atomically(away.with_name(f"{away.name}.why.txt"), f"{why}\n".encode())
        with translated_errors(path):
            path.rename(away)
            for folder in (away.parent, path.parent):
                sync_folder(folder)
        return away

    def _make(self, folder: Path) -> None:
        """Make a thread's folder, and its name and its agent's durable once per process."""
        if folder in self._durable and folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        for above in (folder.parent, self.root):
            sync_folder(above)
        if len(self._durable) > MAX_DURABLE:
            self._durable = set()
        self._durable.add(folder)


class Staged:
    """A file that is durable before anybody waits for it.

    It gets its name at once where that is free, so that several folders are synced at a time;
    where it is not, ``land`` decides, while nobody else writes. Nothing refers to it before.
    """

    def __init__(self, folder: Folder, record: Checkpoint, data: bytes) -> None:
        self.record = record
        self.check = check_of(data).hex()
        self.path = folder.paths(record)[0]
        self._temporary = folder.write(self.path, data)
        try:
            with translated_errors(self.path):
                self._take_name()
        except BaseException:
            self.discard()
            raise

    def land(self) -> None:
        """Make sure that the file has its name, durably. Raises StoreError. Writers are kept out.

        A file that is there already was never listed.
        """
        if not self._has_name():
            with translated_errors(self.path):
                self._temporary.replace(self.path)
                sync_folder(self.path.parent)

    def withdraw(self) -> None:
        """Take the name back from a file that is not to be listed. Writers are kept out."""
        if self._has_name():
            with contextlib.suppress(OSError):
                self.path.unlink()

    def discard(self) -> None:
        """Delete the file under its other name."""
        with contextlib.suppress(OSError):
            self._temporary.unlink()

    def _take_name(self) -> None:
        try:
            os.link(self._temporary, self.path)
        except OSError:
            return  # taken, or a file system without links
        sync_folder(self.path.parent)

    def _has_name(self) -> bool:
        try:
            ours, there = self._temporary.lstat(), self.path.lstat()
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def file_name(text: str) -> str:
    """Return a name that is one path component, distinct for distinct texts."""
    name = quote(text, safe="", errors="surrogatepass").replace(".", "%2E") or "%"
    if len(name) <= MAX_NAME:
        return name
    digest_of_all = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{name[:100]}%{digest_of_all}"
