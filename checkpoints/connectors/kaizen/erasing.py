"""Deleting checkpoints of a folder for good: their files, what saves left of them, their trash."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime

from checkpoints.connectors.documents.folder import Entry, stamp_in
from checkpoints.connectors.documents.publishing import discard
from checkpoints.connectors.kaizen.bodies import MAX_BYTES
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.holdings import File, holdings
from checkpoints.connectors.kaizen.names import is_leftover
from checkpoints.connectors.kaizen.pruning import Bin, locked_folders
from checkpoints.connectors.kaizen.states import GENERIC_AGENT, THREAD
from checkpoints.errors import CheckpointNotFound
from checkpoints.plans import ThreadErased, ThreadErasure
from checkpoints.stores.operable import Trash

_CHANGED = "it is not what the plan saw: its content changed"
_LATER = "it was saved since the plan was made"
_UNKNOWN = (
    "left by an interrupted save, and cannot be read: it may hold what was to be erased; delete "
    "the file while the agent does not run"
)
_TEXT = rb'\s*:\s*("(?:[^"\\]|\\.)*")'
_IDS = re.compile(rb'"checkpoint_id"' + _TEXT)
_AGENTS = re.compile(rb'"agent_id"' + _TEXT)
_GZIP, _GZIP_MARK = 31, b"\x1f\x8b"


@dataclass(slots=True, kw_only=True)
class Eraser:
    """An erasure of one agent's checkpoints, while it is under way."""

    catalog: Catalog
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

    def _subfolders(self) -> set[str]:
        entries = self.catalog.folder.entries()
        leftovers = {entry.subfolder for entry in entries if is_leftover(entry.name)}
        saved = (item for item in self.catalog.saved() if self._is_own(item.record.agent_id))
        return {*leftovers, *(item.entry.subfolder for item in saved)}

    def _is_own(self, agent_id: str) -> bool:
        return agent_id == self.erasure.agent_id

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
            if not is_leftover(entry.name) or entry.subfolder not in directories:
                continue
            with suppress(CheckpointNotFound):
                content = _unpacked(self.catalog.folder.read(entry, MAX_BYTES))
                if self._is_of(content, entry, ids):
                    discard(directories[entry.subfolder], entry.name)
                elif content.strip(b"\0 \n") and not _IDS.search(content):
                    self.remaining[entry.place] = _UNKNOWN

    def _is_of(self, content: bytes, entry: Entry, ids: Collection[str]) -> bool:
        if any(name in ids for name in _texts(_IDS, content)):
            return True
        fallback = entry.subfolder or self.catalog.agent
        agents = (fallback if name == GENERIC_AGENT else name for name in _texts(_AGENTS, content))
        return self.erasure.whole and any(self._is_own(agent) for agent in agents)

    def _empty_trash(self, ids: Collection[str]) -> None:
        if self.trash is None:
            return
        for operation_id in self.trash.operations(THREAD):
            self._empty(Bin(trash=self.trash, operation_id=operation_id), ids)

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
        own = (item.record for item in self.catalog.saved())
        listed = {record.id for record in own if self._is_own(record.agent_id)}
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


def _texts(pattern: re.Pattern[bytes], content: bytes) -> Iterator[str]:
    for found in pattern.findall(content):
        with suppress(ValueError):
            yield json.loads(found)


def _unpacked(stored: bytes) -> bytes:
    """Return a leftover's text; of one that was cut short, as much as there is of it."""
    if not stored.startswith(_GZIP_MARK):
        return stored
    try:
        return zlib.decompressobj(_GZIP).decompress(stored, MAX_BYTES)
    except zlib.error:
        return stored
