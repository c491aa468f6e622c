"""Deleting checkpoints of a folder for good: their files, what saves left of them, their trash."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime

from checkpoints.connectors.documents.folder import Entry, stamp_in
from checkpoints.connectors.documents.holdings import File, Held, Listing, holdings
from checkpoints.connectors.documents.pruning import Bin, locked_folders
from checkpoints.connectors.documents.publishing import discard
from checkpoints.errors import CheckpointNotFound
from checkpoints.plans import ThreadErased, ThreadErasure
from checkpoints.stores.operable import Trash

_CHANGED = "it is not what the plan saw: its content changed"
_LATER = "it was saved since the plan was made"
_UNKNOWN = (
    "left by an interrupted save, and cannot be read: it may hold what was to be erased; delete "
    "the file while the agent does not run"
)


@dataclass(slots=True, kw_only=True)
class Eraser:
    """An erasure of one thread's checkpoints, while it is under way."""

    catalog: Listing
    erasure: ThreadErasure
    trash: Trash | None
    remaining: dict[str, str] = field(default_factory=dict)

    def carry_out(self, now: datetime) -> ThreadErased:
        """Erase what is as the plan saw it; what is gone already counts."""
        with ExitStack() as stack:
            directories = locked_folders(stack, self.catalog, self._subfolders())
            ids = self._going()
            for group in holdings(self.catalog).group(ids):
                self._delete(group, directories)
            gone = ids - self.remaining.keys()
            self._delete_leftovers(gone, directories)
            for directory in directories.values():
                os.fsync(directory)
            self._empty_trash(gone)
        return self._outcome(now)

    def is_of(self, content: bytes, entry: Entry, ids: Collection[str]) -> bool | None:
        """Say whether a leftover is of what is erased; ``None`` when that cannot be told.

        A connector says it.
        """
        raise NotImplementedError

    def _subfolders(self) -> set[str]:
        entries = self.catalog.folder.entries()
        leftovers = {entry.subfolder for entry in entries if self.catalog.is_leftover(entry.name)}
        saved = (item for item in self.catalog.saved() if self._is_own(item))
        return {*leftovers, *(item.entry.subfolder for item in saved)}

    def _is_own(self, item: Held) -> bool:
        record, erasure = item.record, self.erasure
        return (record.agent_id, record.thread_id) == (erasure.agent_id, erasure.thread_id)

    def _going(self) -> set[str]:
        """Return the ids that are erased: those as planned, and those that are gone already."""
        listed = {item.record.id: item.record for item in self.catalog.saved()}
        going = set[str]()
        for target in self.erasure.targets:
            record = listed.get(target.checkpoint_id)
            if record is not None and record.sha256 != target.sha256:
                self.remaining[target.checkpoint_id] = _CHANGED
            else:
                going.add(target.checkpoint_id)
        self.remaining |= holdings(self.catalog).inseparable(self.erasure.agent_id, going)
        return going - self.remaining.keys()

    def _delete(self, group: Iterable[File], directories: dict[str, int]) -> None:
        for file in group:
            directory = directories[file.entry.subfolder]
            with suppress(FileNotFoundError):
                if stamp_in(directory, file.entry.name) != file.entry.stamp:
                    self.remaining |= dict.fromkeys(file.ids, _CHANGED)
                    continue
                os.unlink(file.entry.name, dir_fd=directory)

    def _delete_leftovers(self, ids: Collection[str], directories: dict[str, int]) -> None:
        for entry in list(self.catalog.folder.entries()):
            if not self.catalog.is_leftover(entry.name) or entry.subfolder not in directories:
                continue
            with suppress(CheckpointNotFound):
                content = self.catalog.folder.read(entry, self.catalog.max_bytes)
                verdict = self.is_of(content, entry, ids)
                if verdict:
                    discard(directories[entry.subfolder], entry.name)
                elif verdict is None:
                    self.remaining[entry.place] = _UNKNOWN

    def _empty_trash(self, ids: Collection[str]) -> None:
        if self.trash is None:
            return
        thread_id = self.erasure.thread_id
        for operation_id in self.trash.operations(thread_id):
            self._empty(Bin(trash=self.trash, operation_id=operation_id, thread_id=thread_id), ids)

    def _empty(self, lying: Bin, ids: Collection[str]) -> None:
        """Delete what an operation put into the trash, where nothing else is in the same file."""
        marks = lying.undone(self.erasure.agent_id)
        keys = {key for name, key in marks.items() if self.erasure.whole or name in ids}
        for item in lying.taken(self.erasure.agent_id):
            touched = item.digests.keys() & ids
            if self.erasure.whole or touched == item.digests.keys():
                keys.add(item.place)
            else:
                why = f"it lies in the trash in {item.place}, which holds others too"
                self.remaining |= dict.fromkeys(touched, why)
        lying.drop(keys)

    def _outcome(self, now: datetime) -> ThreadErased:
        """Say what became of it, from what the folder lists now."""
        listed = {item.record.id for item in self.catalog.saved() if self._is_own(item)}
        planned = {target.checkpoint_id for target in self.erasure.targets}
        for name in listed - self.remaining.keys():
            if name in planned or self.erasure.whole:
                self.remaining[name] = _LATER
        return ThreadErased(
            agent_id=self.erasure.agent_id,
            thread_id=self.erasure.thread_id,
            erased=tuple(
                target
                for target in self.erasure.targets
                if target.checkpoint_id not in self.remaining
            ),
            remaining=dict(self.remaining),
            erased_at=now,
        )
