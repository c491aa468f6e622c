"""What a folder holds: the checkpoints that can be read, and findings on those that cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from checkpoints.connectors.documents.folder import Entry, Folder
from checkpoints.connectors.documents.publishing import TEMPORARY_SUFFIX
from checkpoints.connectors.kaizen.bodies import MAX_BYTES, Line, Unreadable, lines_of, opened
from checkpoints.connectors.kaizen.encryption import Keys, Opened
from checkpoints.connectors.kaizen.names import (
    LOADED_INSTEAD,
    NEVER_LOADED,
    FileName,
    Layout,
    is_leftover,
    parse_name,
)
from checkpoints.connectors.kaizen.states import Saved, Source, locked_away, saved_of
from checkpoints.errors import CheckpointNotFound, TransientStoreError
from checkpoints.records import Finding, Status

_LOAD_ORDER = (".enc.gz.jsonl", ".enc.jsonl", ".jsonl.gz", ".jsonl", ".enc.jsonl.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What was found in one file; ``is_whole`` when nothing in it had to be passed over."""

    saved: tuple[Saved, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_whole: bool = True


@dataclass(slots=True)
class Catalog:
    """Reads a folder's files, each once until it changes; states are not kept."""

    folder: Folder
    agent: str
    keys: Keys = field(default_factory=Keys)
    _known: dict[Entry, FileContent] = field(default_factory=dict)

    def read(self) -> dict[Entry, FileContent]:
        """Return what each file holds now."""
        self._known = {entry: self.content(entry) for entry in self.folder.entries()}
        return self._known

    def saved(self) -> list[Saved]:
        """Return each checkpoint once; of two files with one id, that which Kaizen loads."""
        return list(_by_id(self.read()).values())

    def duplicates(self) -> Iterator[Finding]:
        """Yield the files that another file of the same id hides."""
        content = self.read()
        winners = _by_id(content)
        for saved in _all(content):
            winner = winners[saved.record.id]
            if winner is not saved:
                message = f"{saved.entry.place} has the same id as {winner.entry.place}, which wins"
                yield finding("duplicate_id", message, saved.record.id)

    def content(self, entry: Entry) -> FileContent:
        """Return what one file holds."""
        if entry not in self._known:
            self._known[entry] = self._read(entry)
        return self._known[entry]

    def line(self, saved: Saved) -> Line:
        """Read a checkpoint's line again. Raises CorruptCheckpoint, CheckpointNotFound."""
        lines = self._lines(saved.name, self.folder.read(saved.entry, MAX_BYTES))
        found = next((line for line in lines if line.number == saved.line), None)
        if found is None:
            raise CheckpointNotFound(
                f"{saved.entry.place} does not hold {saved.record.id} any more"
            )
        return found

    def opened(self, saved: Saved) -> Opened:
        """Open an encrypted file, also to learn by which key. Raises Unreadable, StoreError."""
        return opened(saved.name, self.folder.read(saved.entry, MAX_BYTES), self.keys)

    @property
    def max_bytes(self) -> int:
        """The most that is read of a file."""
        return MAX_BYTES

    def is_leftover(self, name: str) -> bool:
        """Say whether a file is what an interrupted save or operation left behind."""
        return is_leftover(name)

    def digests(self, entry: Entry, content: bytes) -> dict[str, str]:
        """Return the digest of each state in a file's bytes. Raises CorruptCheckpoint."""
        held = self.content(entry).saved
        if held and held[0].is_locked:
            return {held[0].record.id: hashlib.sha256(content).hexdigest()}
        found = self._lines(held[0].name, content) if held else ()
        lines = {line.number: line for line in found}
        return {item.record.id: lines[item.line].sha256 for item in held if item.line in lines}

    def _read(self, entry: Entry) -> FileContent:
        name = parse_name(entry.name)
        if name is None:
            return FileContent(findings=tuple(_leftover(entry)))
        try:
            stored = self.folder.read(entry, MAX_BYTES)
            if name.is_encrypted and stored and not self.keys.given:
                return self._locked(entry, name, stored, "encrypted", "no key is given")
            lines = self._lines(name, stored)
        except Unreadable as error:
            if error.kind == "unopened":
                return self._locked(entry, name, stored, error.kind, str(error))
            return FileContent(findings=(_unreadable(entry, name, error),))
        except CheckpointNotFound:
            return FileContent()
        except TransientStoreError as error:
            return FileContent(findings=(finding("unreadable_file", str(error), name.stem),))
        return self._states(entry, name, lines)

    def _states(self, entry: Entry, name: FileName, lines: list[Line]) -> FileContent:
        saved: list[Saved] = []
        findings: list[Finding] = []
        for line in lines:
            try:
                source = self._source(entry, name, line)
                saved.append(saved_of(source, line.decode()))
            except Unreadable as error:
                findings.append(_unreadable(entry, name, error))
        is_whole = not findings
        findings += [found for item in saved for found in _oddities(item)]
        return FileContent(saved=tuple(saved), findings=tuple(findings), is_whole=is_whole)

    def _lines(self, name: FileName, stored: bytes) -> list[Line]:
        return lines_of(name, stored, self.keys)

    def _locked(
        self, entry: Entry, name: FileName, stored: bytes, kind: str, why: str
    ) -> FileContent:
        saved = locked_away(self._source(entry, name, None), hashlib.sha256(stored).hexdigest())
        found = finding(kind, f"{entry.place}: {why}", name.stem)
        return FileContent(saved=(saved,), findings=(found, *_passed_over(saved)))

    def _source(self, entry: Entry, name: FileName, line: Line | None) -> Source:
        fallback = entry.subfolder or self.agent
        return Source(entry=entry, name=name, line=line, agent_fallback=fallback)


def _by_id(content: dict[Entry, FileContent]) -> dict[str, Saved]:
    chosen: dict[str, Saved] = {}
    for saved in sorted(_all(content), key=_load_rank, reverse=True):
        chosen[saved.record.id] = saved
    return chosen


def _all(content: dict[Entry, FileContent]) -> Iterator[Saved]:
    return (saved for item in content.values() for saved in item.saved)


def _load_rank(saved: Saved) -> tuple[bool, int]:
    return bool(saved.entry.subfolder), _LOAD_ORDER.index(saved.name.suffix)


def _leftover(entry: Entry) -> Iterator[Finding]:
    if is_leftover(entry.name):
        what = "an operation" if entry.name.endswith(TEMPORARY_SUFFIX) else "a save"
        yield finding(
            "leftover_file", f"{entry.place} was left by {what} that was interrupted", None
        )


def _unreadable(entry: Entry, name: FileName, error: Unreadable) -> Finding:
    return finding(error.kind, f"{entry.place}: {error}", name.stem)


def _passed_over(saved: Saved) -> Iterator[Finding]:
    """Yield what Kaizen does with an encrypted file, whether a key is at hand or not."""
    place, name = saved.entry.place, saved.name
    if name.suffix == NEVER_LOADED:
        message = f"{place}: Kaizen looks for {name.stem}{LOADED_INSTEAD} and never finds it"
        yield finding("unloadable", message, saved.record.id)
    elif name.is_encrypted:
        message = f"{place}: Kaizen loads it by its id, but never lists what is encrypted"
        yield finding("passed_over", message, saved.record.id)


def _oddities(saved: Saved) -> Iterator[Finding]:
    """Yield what Kaizen will stumble over in a state that can be read."""
    record, place = saved.record, saved.entry.place
    yield from _passed_over(saved)
    if record.damage:
        yield finding("unloadable", f"{place}: {record.damage}", record.id)
    if saved.naive_time:
        message = f"{place}: its timestamp has no time zone, so Kaizen's list becomes empty"
        yield finding("naive_time", message, record.id)
    if saved.extra_fields and saved.name.layout is not Layout.CYCLE:
        names = ", ".join(sorted(saved.extra_fields))
        message = f"{place}: Kaizen cannot load a state with the unknown field {names}"
        yield finding("unknown_field", message, record.id)
    if record.status is Status.COMPLETED and record.metadata.get("error"):
        message = f"{place}: it is marked completed, yet it recorded {record.metadata['error']}"
        yield finding("failed_as_completed", message, record.id)


def finding(kind: str, message: str, checkpoint_id: str | None) -> Finding:
    """Describe something wrong in a Kaizen folder."""
    thread_id = "main" if checkpoint_id else None
    return Finding(kind=kind, message=message, checkpoint_id=checkpoint_id, thread_id=thread_id)
