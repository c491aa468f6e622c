"""A store in a folder: one readable JSON file per checkpoint, and a journal of what happened.

``<root>/<agent>/<thread>/<id>.json`` holds the record and the state; ``<root>/journal.jsonl``
the order of events and the heads. Names are quoted so that none can leave the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from checkpoints.bodies.body import MAX_STATE, digest, encode_state
from checkpoints.bodies.encoding import decode
from checkpoints.bodies.files import read_inside, translated_errors, write_atomically
from checkpoints.errors import CorruptCheckpoint, PermanentStoreError, StoreError
from checkpoints.identifiers import new_id
from checkpoints.records import Checkpoint, Draft, Finding, State
from checkpoints.stores.drafts import measured
from checkpoints.stores.journal import Journal
from checkpoints.stores.journaled import JournaledStore
from checkpoints.stores.ledger import Event, Ledger
from checkpoints.stores.urls import StoreUrl

JOURNAL = "journal.jsonl"
MAX_FILE = 2 * MAX_STATE
"""Bytes of a file that are read at most; indented JSON is longer than the state it holds."""
LOCK = ".lock"
MAX_NAME = 150
"""Characters of a quoted name before it is shortened; file systems end at 255 bytes."""


class FileStore(JournaledStore):
    """Plain files that people and scripts can read."""

    def __init__(self, root: Path, url: str) -> None:
        super().__init__(url)
        self._root = root
        self._journal = Journal(root / JOURNAL)
        self._refuse_foreign()

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest."""
        try:
            state = orjson.loads(self.raw(checkpoint))["state"]
            plain = orjson.dumps(state)
        except (ValueError, LookupError, TypeError) as error:
            raise _corrupt(checkpoint, "is not the file that was saved") from error
        if digest(plain) != checkpoint.sha256:
            raise _corrupt(checkpoint, "was altered: its digest does not match")
        decoded: dict[str, Any] = decode(plain)
        return decoded

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        try:
            return read_inside(self._root, self._path(checkpoint), limit=MAX_FILE)
        except StoreError as error:
            raise _corrupt(checkpoint, f"cannot be read: {error}") from error

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        yield from super().verify()
        for line in self._journal.damaged:
            message = f"line {line} of {JOURNAL} is damaged; what it recorded is not listed"
            yield Finding(kind="damaged_journal", message=message)
        if self._journal.torn:
            message = f"{JOURNAL} ends in a line that was never finished; the next save cuts it off"
            yield Finding(kind="torn_journal", message=message)
        yield from self._unlisted()

    def _unlisted(self) -> Iterator[Finding]:
        """Yield each checkpoint's file of which the journal does not know."""
        ledger = self._current()
        trashed = (record for record, _ in ledger.trashed.values())
        known = {self._path(record) for record in (*ledger.records.values(), *trashed)}
        for path in sorted(self._root.glob("*/*/*.json")):
            if path not in known:
                yield Finding(
                    kind="unlisted_file",
                    message=f"{path.relative_to(self._root)} is in no line of {JOURNAL}: "
                    "its save was never acknowledged, or that line is damaged",
                    checkpoint_id=path.stem,
                )

    def _refuse_foreign(self) -> None:
        if self._root.exists() and not self._root.is_dir():
            raise PermanentStoreError(f"{self._root} is a file, not a folder of checkpoints")
        if self._root.is_dir() and not self._journal.path.exists():
            foreign = next((p.name for p in self._root.iterdir() if p.name != LOCK), None)
            if foreign is not None:
                raise PermanentStoreError(
                    f"{self._root} holds {foreign!r} and no {JOURNAL}: it is not a Holdfast "
                    "folder; nothing was changed"
                )

    def _identity(self) -> str:
        return self._journal.store_id

    def _current(self) -> Ledger:
        with self._lock:
            if self._journal.path.exists():
                with translated_errors(self._journal.path):
                    for event in self._journal.read_new():
                        self._ledger.apply(event)
            return self._ledger

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[Ledger]:
        with self._lock, contextlib.ExitStack() as stack:
            with translated_errors(self._root):
                self._root.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context((self._root / LOCK).open("ab"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            ledger = self._current()
            if not self._journal.store_id:
                self._journal.create(new_id())
            yield ledger

    def _record(self, event: Event) -> None:
        self._journal.append(event)
        self._ledger.apply(event)

    def _pack(self, draft: Draft, state: State) -> tuple[Checkpoint, bytes]:
        plain = encode_state(state)
        record = measured(draft, size=len(plain), stored_size=None, sha256=digest(plain))
        document = {"record": record.to_dict(), "state": orjson.loads(plain)}
        data = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        size = len(data)
        return measured(draft, size=len(plain), stored_size=size, sha256=digest(plain)), data

    def _write_body(self, record: Checkpoint, data: bytes) -> None:
        write_atomically(self._path(record), data)

    def _delete_body(self, record: Checkpoint) -> int:
        path = self._path(record)
        path.unlink(missing_ok=True)
        return record.stored_size or 0

    def _path(self, record: Checkpoint) -> Path:
        names = (record.agent_id, record.thread_id, record.id)
        agent, thread, name = (_file_name(text) for text in names)
        return self._root / agent / thread / f"{name}.json"


def _file_name(text: str) -> str:
    """Return a name that is one path component, distinct for distinct texts."""
    name = quote(text, safe="", errors="surrogatepass").replace(".", "%2E") or "%"
    if len(name) <= MAX_NAME:
        return name
    digest_of_all = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{name[:100]}%{digest_of_all}"


def _corrupt(checkpoint: Checkpoint, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(f"{checkpoint.id} {what}", checkpoint_id=checkpoint.id)


def open_url(url: StoreUrl) -> FileStore:
    """Open a folder; it is created by the first save."""
    return FileStore(url.path, url.text)
