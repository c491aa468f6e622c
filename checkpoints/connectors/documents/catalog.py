"""What a folder holds: the checkpoints that can be read, and findings on what cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from checkpoints.connectors.documents.decoding import Unreadable
from checkpoints.connectors.documents.folder import Entry, Folder
from checkpoints.connectors.documents.publishing import TEMPORARY_SUFFIX
from checkpoints.errors import CheckpointNotFound, TransientStoreError
from checkpoints.records import Checkpoint, Finding

MAX_BYTES = 16 * 1024 * 1024
"""The most that a file may hold."""

NO_FACTS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A record with where it lies; the state is not kept.

    ``part`` tells those apart that share a file; ``facts`` is what a layout wants to know again
    of a state without reading it.
    """

    record: Checkpoint
    entry: Entry
    part: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: NO_FACTS)

    def with_parent(self, parent_id: str | None) -> Saved:
        """Return it as one that follows another."""
        return replace(self, record=replace(self.record, parent_id=parent_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What was found in one file; ``is_whole`` when nothing in it had to be passed over."""

    saved: tuple[Saved, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_whole: bool = True


class Layout:
    """How one framework lays its checkpoints out in files. A connector says it by a subclass.

    ``framework`` is its name as people write it; ``thread`` the only thread that its agents have,
    empty where they have several. ``max_bytes`` bounds what is read of a file.
    """

    framework = ""
    thread = ""
    max_bytes = MAX_BYTES

    def is_checkpoint(self, name: str) -> bool:
        """Say whether a file of this name holds checkpoints."""
        raise NotImplementedError

    def is_leftover(self, name: str) -> bool:
        """Say whether a file is what an interrupted save or operation left behind."""
        return name.endswith((".tmp", TEMPORARY_SUFFIX))

    def read(self, entry: Entry, content: bytes) -> FileContent:
        """Return what a file holds. Raises Unreadable."""
        raise NotImplementedError

    def part(self, saved: Saved, content: bytes) -> bytes:
        """Return the bytes of one checkpoint out of those of its file. Raises Unreadable."""
        return content

    def state(self, saved: Saved, part: bytes) -> dict[str, Any]:
        """Return the state in a checkpoint's bytes. Raises Unreadable."""
        raise NotImplementedError

    def linked(self, saved: list[Saved]) -> list[Saved]:
        """Return all checkpoints with what each has only among the others, as its parent."""
        return saved

    def among(self, saved: Sequence[Saved]) -> Iterator[Finding]:
        """Yield what is wrong between checkpoints that are each well."""
        yield from ()

    def file_of(self, checkpoint_id: str) -> str | None:
        """Return the name of the only file at the top that can hold a checkpoint, if there is one.

        It is then found without reading the others.
        """
        return None

    def id_of(self, entry: Entry) -> str | None:
        """Return the id of the checkpoint that a file is for, if its name says so."""
        return None


@dataclass(slots=True)
class Catalog:
    """Reads a folder's files, each once until it changes; states are not kept."""

    folder: Folder
    layout: Layout
    _known: dict[Entry, FileContent] = field(default_factory=dict)

    def read(self) -> dict[Entry, FileContent]:
        """Return what each file holds now."""
        self._known = {entry: self.content(entry) for entry in self.folder.entries()}
        return self._known

    def entries(self) -> Iterator[Entry]:
        """Yield the files that are of this store."""
        for entry in self.folder.entries():
            if self.layout.is_checkpoint(entry.name) or self.layout.is_leftover(entry.name):
                yield entry

    def saved(self) -> list[Saved]:
        """Return each checkpoint once; of two with one id in a thread the first file's."""
        chosen: dict[tuple[str, str], Saved] = {}
        for saved in _all(self.read()):
            chosen.setdefault((saved.record.thread_id, saved.record.id), saved)
        return self.layout.linked(list(chosen.values()))

    def direct(self, checkpoint_id: str, thread_id: str | None) -> Saved | None:
        """Return a checkpoint whose file can be told by its id, without its parent."""
        name = self.layout.file_of(checkpoint_id)
        entry = self.folder.entry(name) if name else None
        held = self.content(entry).saved if entry else ()
        return next(
            (
                saved
                for saved in held
                if saved.record.id == checkpoint_id and thread_id in (None, saved.record.thread_id)
            ),
            None,
        )

    def duplicates(self) -> Iterator[Finding]:
        """Yield the files that another file of the same id hides."""
        chosen: dict[tuple[str, str], Saved] = {}
        for saved in _all(self.read()):
            first = chosen.setdefault((saved.record.thread_id, saved.record.id), saved)
            if first is not saved:
                message = f"{saved.entry.place} has the same id as {first.entry.place}"
                yield finding("duplicate_id", message, saved.record)

    def content(self, entry: Entry) -> FileContent:
        """Return what one file holds."""
        if entry not in self._known:
            self._known[entry] = self._read(entry)
        return self._known[entry]

    @property
    def max_bytes(self) -> int:
        """The most that is read of a file."""
        return self.layout.max_bytes

    def is_leftover(self, name: str) -> bool:
        """Say whether a file is what an interrupted save or operation left behind."""
        return self.layout.is_leftover(name)

    def part(self, saved: Saved) -> bytes:
        """Read a checkpoint's bytes again. Raises CorruptCheckpoint, CheckpointNotFound."""
        return self.layout.part(saved, self.folder.read(saved.entry, self.layout.max_bytes))

    def digests(self, entry: Entry, content: bytes) -> dict[str, str]:
        """Return the digest of each checkpoint in a file's bytes. Raises Unreadable."""
        found = self.layout.read(entry, content).saved
        return {
            item.record.id: sha256(self.layout.part(item, content)).hexdigest() for item in found
        }

    def _read(self, entry: Entry) -> FileContent:
        if not self.layout.is_checkpoint(entry.name):
            return FileContent(findings=tuple(self._leftover(entry)))
        try:
            return self.layout.read(entry, self._bounded(entry))
        except Unreadable as error:
            return self._passed_over(entry, error.kind, str(error))
        except TransientStoreError as error:
            return self._passed_over(entry, "unreadable_file", str(error))
        except CheckpointNotFound:
            return FileContent()

    def _bounded(self, entry: Entry) -> bytes:
        limit = self.layout.max_bytes
        content = self.folder.read(entry, limit)
        if len(content) > limit:
            raise Unreadable("too_large", f"it holds more than {limit:,} bytes; it is not read")
        return content

    def _passed_over(self, entry: Entry, kind: str, why: str) -> FileContent:
        found = Finding(
            kind=kind,
            message=f"{entry.place}: {why}",
            checkpoint_id=self.layout.id_of(entry),
            thread_id=self.layout.thread or None,
        )
        return FileContent(findings=(found,), is_whole=False)

    def _leftover(self, entry: Entry) -> Iterator[Finding]:
        if self.layout.is_leftover(entry.name):
            what = "an operation" if entry.name.endswith(TEMPORARY_SUFFIX) else "a save"
            message = f"{entry.place} was left by {what} that was interrupted"
            yield Finding(kind="leftover_file", message=message)


def _all(content: Mapping[Entry, FileContent]) -> Iterator[Saved]:
    return (saved for item in content.values() for saved in item.saved)


def finding(kind: str, message: str, record: Checkpoint) -> Finding:
    """Describe something wrong with a checkpoint."""
    return Finding(kind=kind, message=message, checkpoint_id=record.id, thread_id=record.thread_id)


def digest(content: bytes) -> str:
    """Return the hex sha256 of what lies in the store."""
    return sha256(content).hexdigest()
