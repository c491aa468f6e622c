"""A store in a folder: one readable file per checkpoint, and a journal of what happened.

``<root>/<agent>/<thread>/<id>.json`` holds the record and the state; ``<root>/journal.jsonl``
the order of events and the heads. A save is durable in three steps: its file, the name of its
file, and then, together with all saves that wait, its line in the journal.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from checkpoints.bodies.documents import FileFormat, pack_document, unpack_document
from checkpoints.bodies.files import SyncFailed
from checkpoints.bodies.states import encode_state
from checkpoints.errors import CorruptCheckpoint, PermanentStoreError, StoreError
from checkpoints.measures import Space
from checkpoints.records import Checkpoint, Draft, Finding, JournalEntry, State
from checkpoints.stores import glances
from checkpoints.stores.drafts import measured, saved_before
from checkpoints.stores.folder import care
from checkpoints.stores.folder.compaction import compacted
from checkpoints.stores.folder.layout import JOURNAL, Staged
from checkpoints.stores.folder.listing import FolderListing
from checkpoints.stores.folder.saves import SaveGroup
from checkpoints.stores.group_commit import GroupCommit, Job
from checkpoints.stores.heads import check_head
from checkpoints.stores.journaled import refuse_known
from checkpoints.stores.measuring import trashed_bytes
from checkpoints.stores.urls import StoreUrl


class FileStore(FolderListing):
    """Plain files that people and scripts can read."""

    def __init__(
        self, root: Path, url: str, form: FileFormat = FileFormat.JSON, *, open_to_all: bool = True
    ) -> None:
        """Open the folder. ``open_to_all=False`` refuses saves, for its files can be read."""
        super().__init__(root, url, form)
        self._open_to_all = open_to_all
        self._group = GroupCommit(self._commit)

    def _put_chain(
        self, drafts: Sequence[tuple[Draft, State]], expected: str | None
    ) -> list[Checkpoint]:
        self._require_open_to_all()
        packed = [self._packed(draft, state) for draft, state in drafts]
        records = [record for record, _ in packed]
        with self._reading() as ledger:
            firsts = saved_before([refuse_known(ledger, record) for record in records])
            if firsts is not None:
                return firsts
            check_head(ledger.heads.get((records[0].agent_id, records[0].thread_id)), expected)
        with contextlib.ExitStack() as staging:
            staged = [self._stage(record, data, staging) for record, data in packed]
            return self._group.submit(lambda group: self._save(group, staged, expected))

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably, all or none; return how many of them are new."""
        self._require_open_to_all()
        return super().record(entries, replace=replace)

    def entries(
        self,
        agent_id: str,
        thread_id: str,
        *,
        kind: str,
        prefix: str = "",
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """Return a thread's entries of one kind in the order of their keys."""
        found = super().entries(agent_id, thread_id, kind=kind, prefix=prefix, limit=limit)
        if self._journal.damaged_entries:
            raise care.entries_lost(self._journal.path, self._journal.damaged_entries)
        return found

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good, from the journal and the quarantine too."""
        if not self._root.is_dir():
            return 0
        erased = super().erase(agent_id, thread_id, checkpoint_ids, now=now)
        with self._exclusive():
            self._folder.remove_quarantined(agent_id, thread_id, checkpoint_ids)
            if not self._journal.damaged:
                with self._lock:
                    self._rewrite(compacted(self._ledger))
        return erased

    def _require_open_to_all(self) -> None:
        if not self._open_to_all:
            raise PermanentStoreError(
                f"{self.url} keeps files that people can read and is never encrypted; keys were "
                "given, so nothing was saved. Leave the keys out, or use sqlite:///"
            )

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest."""
        error: CorruptCheckpoint | None = None
        for data in self._bodies(checkpoint):
            try:
                return unpack_document(data).checked(checkpoint.sha256)
            except CorruptCheckpoint as caught:
                error = error or caught
        raise _corrupt(checkpoint, str(error)) from error

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state; whether a field is the saved one shows only by the whole."""
        return self.load(checkpoint)

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        return next(iter(self._bodies(checkpoint)))

    def space(self) -> Space:
        """Return what the folder takes up; what was put away is orphaned."""
        stored, away = self._folder.taken()
        return Space(stored=stored, free=0, orphaned=away, trashed=trashed_bytes(self))

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move files that cannot be read into ``quarantine/``, with the reason beside each."""
        if not self._root.is_dir():
            return []
        with self._exclusive():
            self._write_in_newest_format(now)
        found = super().repair(now=now)
        with self._exclusive() as ledger:
            found += care.put_unlisted_away(self._folder, ledger, now)
            self._folder.remove_leftovers(now - care.LEFTOVERS)
        return found

    def rebuild(self, *, now: datetime) -> int:
        """Remake the journal from the files, keeping the old one beside it.

        What can still be read of it stays: heads, pins, the trash. A thread whose head cannot be
        read gets its newest checkpoint, by the order of the saves as far as that is known.
        """
        if not self._root.is_dir():
            return 0
        with self._locked(), self._lock:
            self._forget()
            self._take_news()
            if self._journal.lines or any(self._folder.files()):
                events = care.relisted(self._folder, self._ledger, self._journal, now)
                self._rewrite(events, keep=now)
            return len(self._ledger.records)

    def _verify(self, *, deep: bool) -> Iterator[Finding]:
        yield from super()._verify(deep=deep)
        yield from care.findings_of_journal(self._journal)
        with self._reading() as ledger:
            kept = ledger.kept()
        yield from care.unlisted_findings(self._folder, kept)

    def _packed(self, draft: Draft, state: State) -> tuple[Checkpoint, bytes]:
        encoded = encode_state(state)
        record = measured(draft, size=encoded.size, stored_size=None, sha256=encoded.sha256)
        data = pack_document(record, state, self._folder.form)
        return replace(record, stored_size=len(data)), data

    def _stage(self, record: Checkpoint, data: bytes, staging: contextlib.ExitStack) -> Staged:
        """Write a file; the journal is there before the first."""
        self._journal.require_sound()
        if not self._journal.lines:
            with self._exclusive():
                pass
        with self._breaking_at_a_failed_sync():
            staged = Staged(self._folder, record, data)
        staging.callback(staged.discard)
        return staged

    def _save(
        self, group: SaveGroup, staged: Sequence[Staged], expected: str | None
    ) -> list[Checkpoint]:
        with self._breaking_at_a_failed_sync():
            return group.save(staged, expected=expected)

    @contextlib.contextmanager
    def _breaking_at_a_failed_sync(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            if isinstance(error.__cause__, SyncFailed):
                self._journal.broken = str(error)
            raise

    def _commit(self, jobs: Sequence[Job[SaveGroup]]) -> None:
        with self._exclusive() as ledger:
            group = SaveGroup(ledger)
            for job in jobs:
                job.run(group)
            if group.events:
                self._settle(group.events)

    def _bodies(self, record: Checkpoint) -> Iterator[bytes]:
        """Yield the bytes of each file that this checkpoint has. Raises CorruptCheckpoint."""
        found = False
        for path in self._folder.paths(record):
            data = care.bytes_at(self._folder, path, record)
            if data is not None:
                found = True
                yield data
        if not found:
            raise _corrupt(record, "its file is gone")

    def _damage(self, record: Checkpoint, *, deep: bool) -> str | None:
        check = None if deep else self._ledger.checks.get(record.id)
        return care.damage_of(self._folder, record, check)

    def _put_away(self, record: Checkpoint, why: str, now: datetime) -> None:
        for path in self._folder.paths(record):
            if path.is_symlink() or path.exists():
                self._folder.put_away(path, why, now)

    def _delete_body(self, record: Checkpoint) -> int:
        return self._folder.remove(record)


def _corrupt(checkpoint: Checkpoint, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(f"{checkpoint.id}: {what}", checkpoint_id=checkpoint.id)


def open_url(url: StoreUrl) -> FileStore:
    """Open a folder; it is created by the first save.

    ``format`` is how new files are written: ``json``, ``jsonl.gz`` or ``jsonl.zst``; those of
    every format are read. Where keys are given nothing is saved: its files are there to be read.
    """
    return FileStore(url.path, url.text, _format_of(url), open_to_all=url.keys is None)


def _format_of(url: StoreUrl) -> FileFormat:
    try:
        return FileFormat(url.query.get("format", FileFormat.JSON))
    except ValueError:
        raise PermanentStoreError(
            f"{url.text} names a format that is not known; write one of {', '.join(FileFormat)}"
        ) from None


def recognise(path: Path) -> str | None:
    """Say by what a folder is known as a store of Holdfast's own."""
    begin = glances.head(path / JOURNAL, 4096)
    ours = re.match(rb"[0-9a-f]{8} \{[^\n]*\"store_id\"", begin) is not None
    return "its journal is Holdfast's" if ours else None
