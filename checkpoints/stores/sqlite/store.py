"""The default store: one SQLite file, many processes, durable before a save returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection, IntegrityError
from typing import TypeVar

from checkpoints.bodies.encryption import Keyring
from checkpoints.records import Capabilities, Finding
from checkpoints.stores import glances
from checkpoints.stores.drafts import next_head
from checkpoints.stores.framing import Chain, Places
from checkpoints.stores.group_commit import GroupCommit, Job
from checkpoints.stores.sql import rows
from checkpoints.stores.sql.rows import Db
from checkpoints.stores.sql.store import SqlStore
from checkpoints.stores.sql.transactions import Landed
from checkpoints.stores.sqlite.file import DamagedFile, SqliteFile
from checkpoints.stores.sqlite.salvage import require_sound, salvage
from checkpoints.stores.sqlite.schema import APPLICATION_ID, NotAsLaid
from checkpoints.stores.urls import StoreUrl

T = TypeVar("T")
THREADS = 4096
"""Threads of which is remembered where the last save left them."""


class SqliteStore(SqlStore):
    """A file of rows. Saves of several threads share one transaction and one flush to disk."""

    def __init__(self, path: Path, url: str, keys: Keyring | None = None) -> None:
        super().__init__(url, keys)
        self._file = SqliteFile(path)
        self._group: GroupCommit[Connection] = GroupCommit(self._commit)
        self._lines: dict[tuple[str, str], Landed] = {}
        self._generation = 0
        self._position = 0

    @property
    def capabilities(self) -> Capabilities:
        """Everything that this version offers; only reading where the file holds foreign parts."""
        added = self._file.addition()
        if added is None:
            return super().capabilities
        reason = f"the file holds {added!r}, which Holdfast did not lay"
        return Capabilities(reasons={**super().capabilities.reasons, "restore": reason})

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept.

        Where SQLite itself can no longer read the file, what proves whole goes into a new one in
        its place and the damaged one is kept beside it; no other process may have it open then.
        """
        try:
            with self._file.writing() as db:
                require_sound(db)
            return super().repair(now=now)
        except (DamagedFile, NotAsLaid) as damage:
            with self._file.closed():
                findings = salvage(self._file.path, now, damage)
            self._framing.forget()
            return findings

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _reading(self) -> AbstractContextManager[Connection | None]:
        return self._file.reading()

    def _inspecting(self) -> AbstractContextManager[Connection | None]:
        return self._file.inspecting()

    def _damage(self, db: Db) -> Iterator[Finding]:
        for (message,) in db.execute("PRAGMA integrity_check(20)"):
            if message != "ok":
                yield Finding(
                    kind="damaged_file",
                    message=f"{message}; `holdfast repair` saves what can be read",
                )

    def _taken(self, db: Db) -> tuple[int | None, int | None]:
        """Return the bytes of the file and its log, and those of pages that hold nothing."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
        return pages * size + self._file.log_size(), free * size

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._file.writing() as db:
            self._lines.clear()
            yield db

    @contextmanager
    def _erasing(self) -> Iterator[Connection]:
        """Give a transaction that overwrites what it deletes, lest a salvage bring it back."""
        with self._writing() as db:
            db.execute("PRAGMA secure_delete = ON")
            try:
                yield db
            finally:
                db.execute("PRAGMA secure_delete = OFF")

    def _saving(self, work: Callable[[Connection], T]) -> T:
        return self._group.submit(work)

    def _commit(self, group: Sequence[Job[Connection]]) -> None:
        try:
            with self._file.writing() as db:
                if self._generation != self._file.generation or len(self._lines) > THREADS:
                    self._lines.clear()
                    self._generation = self._file.generation
                for job in group:
                    job.run(db)
        except BaseException:
            self._lines.clear()
            raise

    def _save(self, db: Db, chain: Chain, expected: str | None) -> Landed:
        """Go on where this connection left a thread; ask the file only when that may be wrong."""
        key = (chain[0].record.agent_id, chain[0].record.thread_id)
        landed = self._continued(db, chain, expected, self._lines.get(key))
        if landed is None:
            landed = super()._save(db, chain, expected)
        if landed.head is not None:
            self._lines[key] = landed
            self._position = landed.position
        return landed

    def _continued(
        self, db: Db, chain: Chain, expected: str | None, line: Landed | None
    ) -> Landed | None:
        """Save one without asking, None when what is remembered does not settle it."""
        prepared, *others = chain
        if others or line is None or line.head is None or line.head.checkpoint_id != expected:
            return None
        if prepared.packed.base not in (None, line.position):
            return None
        head = next_head(line.head, prepared.record, expected=expected)
        position = self._position + 1
        try:
            rows.insert(db, prepared, Places(), position=position, thread=line.thread)
        except IntegrityError:
            return None
        rows.move_head(db, line.thread, head, position, gained=1)
        places = Places(known={prepared.record.id: position})
        return Landed([prepared.record], places, position, line.thread, head)


def open_url(url: StoreUrl) -> SqliteStore:
    """Open a file; it is created by the first save."""
    return SqliteStore(url.path, url.text, url.keys)


def recognise(path: Path) -> str | None:
    """Say by what a file is known as a store of Holdfast's own."""
    found = glances.sqlite(path)
    ours = found is not None and found.application_id == APPLICATION_ID
    return "the file is marked as Holdfast's" if ours else None
