"""The listing of a folder store: its journal, replayed, appended to and written anew."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from checkpoints.bodies.documents import FileFormat
from checkpoints.bodies.files import make_folder, translated_errors
from checkpoints.errors import StoreError
from checkpoints.identifiers import new_id
from checkpoints.stores.events import Event
from checkpoints.stores.folder import care
from checkpoints.stores.folder.compaction import compacted
from checkpoints.stores.folder.journal import Journal
from checkpoints.stores.folder.journal_lines import FORMAT, Header
from checkpoints.stores.folder.layout import JOURNAL, LOCK, Folder
from checkpoints.stores.journaled import JournaledStore
from checkpoints.stores.ledger import Ledger

MOST_OBSOLETE = 2
"""A journal with more lines than this times those that matter is written anew."""
LEAST_LINES = 1000


class FolderListing(JournaledStore):
    """A ledger that many processes share through one journal and one lock."""

    def __init__(self, root: Path, url: str, form: FileFormat) -> None:
        super().__init__(url)
        self._root = root
        self._folder = Folder(root, form)
        self._journal = Journal(root / JOURNAL)
        self._writer = threading.RLock()
        self._committing = False
        self._enough = LEAST_LINES
        with translated_errors(root):
            care.refuse_foreign(root)

    def after_fork(self) -> None:
        """Take new locks and read anew: another thread may have been in the middle."""
        super().after_fork()
        self._writer = threading.RLock()
        self._committing = False
        self._journal = Journal(self._journal.path, self._journal.broken)
        self._ledger = Ledger()

    def _identity(self) -> str:
        header = self._journal.header
        if header is None and self._journal.lines:
            raise care.headless(self._journal.path)
        return header.store_id if header else ""

    def _last_position(self, ledger: Ledger) -> int:
        return max(ledger.position, self._journal.position)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Ledger]:
        with self._lock:
            if not self._committing:
                self._refresh()
            yield self._ledger

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[Ledger]:
        with self._locked():
            with self._lock:
                self._refresh()
                self._committing = True
            try:
                if not self._identity():
                    with translated_errors(self._root):
                        self._journal.create(new_id())
                yield self._ledger
            finally:
                with self._lock:
                    self._committing = False

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep every other thread and process from writing."""
        with self._writer, contextlib.ExitStack() as stack:
            self._journal.require_sound()
            with translated_errors(self._root):
                lock = self._open_lock()
                stack.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _open_lock(self) -> int:
        """Open the file that is locked; it is the first that a store has."""
        if not self._root.is_dir():
            make_folder(self._root)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        return os.open(self._root / LOCK, flags, 0o666)

    def _refresh(self) -> None:
        self._take_news()
        with translated_errors(self._root):
            if not self._journal.lines and any(self._folder.files()):
                raise care.journal_lost(self._journal.path)

    def _take_news(self) -> None:
        with translated_errors(self._journal.path):
            if not self._journal.path.exists():
                return
            news = self._journal.read_new()
        if news.anew:
            self._ledger = Ledger()
        for event in news.events:
            self._ledger.apply(event)

    def _forget(self) -> None:
        self._journal = Journal(self._journal.path, self._journal.broken)
        self._ledger = Ledger()

    def _record(self, event: Event) -> None:
        self._settle([event])

    def _settle(self, events: Sequence[Event]) -> None:
        """Write down what happened, durably, and only then list it."""
        placed = self._journal.append(events)
        with self._lock:
            for event in placed:
                self._ledger.apply(event)
        self._compact()

    def _compact(self) -> None:
        """Write the journal anew when most of it is obsolete; until that is done the old stands."""
        lines = self._journal.lines
        if self._journal.damaged or lines <= max(self._enough, MOST_OBSOLETE * self._ledger.live):
            return
        self._enough = MOST_OBSOLETE * lines
        with contextlib.suppress(StoreError), self._lock:
            self._rewrite(compacted(self._ledger))
            self._enough = max(LEAST_LINES, MOST_OBSOLETE * self._journal.lines)

    def _rewrite(self, events: Sequence[Event], *, keep: datetime | None = None) -> None:
        """Put a journal of these events in the old one's place and read it."""
        old, last = self._journal.header, events[-1].position if events else 0
        header = Header(
            store_id=old.store_id if old else new_id(),
            generation=old.generation + 1 if old else 1,
            position=max(self._journal.position, last),
        )
        name = f"journal.{keep:%Y%m%dT%H%M%S%f}.damaged" if keep else None
        self._journal.rewrite(events, header, keep=name)
        self._forget()
        self._take_news()

    def _write_in_newest_format(self, now: datetime) -> None:
        header = self._journal.header
        if header is not None and header.format < FORMAT:
            with self._lock:
                self._rewrite(compacted(self._ledger), keep=now)
