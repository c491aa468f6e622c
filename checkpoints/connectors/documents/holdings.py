"""Which files hold which checkpoints, and so which can go without taking others along."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from checkpoints.connectors.documents.folder import Entry, Folder
from checkpoints.records import Checkpoint


class Held(Protocol):
    """A checkpoint as a catalogue lists it."""

    @property
    def record(self) -> Checkpoint:
        """What is known of it."""
        ...

    @property
    def entry(self) -> Entry:
        """The file that it lies in."""
        ...


class Content(Protocol):
    """What a catalogue found in one file."""

    @property
    def saved(self) -> Sequence[Held]:
        """The checkpoints in it."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether nothing in it had to be passed over."""
        ...


class Listing(Protocol):
    """A catalogue, as far as taking files away asks for one."""

    folder: Folder

    @property
    def max_bytes(self) -> int:
        """The most that is read of a file."""
        ...

    def read(self) -> Mapping[Entry, Content]:
        """Return what each file holds now."""
        ...

    def saved(self) -> Sequence[Held]:
        """Return each checkpoint once."""
        ...

    def digests(self, entry: Entry, content: bytes) -> Mapping[str, str]:
        """Return the digest of each checkpoint in a file's bytes. Raises CorruptCheckpoint."""
        ...

    def is_leftover(self, name: str) -> bool:
        """Say whether a file is what an interrupted save or operation left behind."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file and the checkpoints in it; ``is_whole`` unless parts of it cannot be read."""

    entry: Entry
    saved: tuple[Held, ...]
    is_whole: bool

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the checkpoints in it."""
        return frozenset(saved.record.id for saved in self.saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The files of a folder as they are. Two may hold the same id."""

    files: tuple[File, ...]

    def group(self, ids: Collection[str]) -> Iterator[tuple[File, ...]]:
        """Yield the files that hold any of these, those that share an id together."""
        by_id: dict[str, list[File]] = {}
        for file in self.files:
            for checkpoint_id in file.ids:
                by_id.setdefault(checkpoint_id, []).append(file)
        seen: set[Entry] = set()
        for checkpoint_id in dict.fromkeys(ids):
            found = tuple(_connected(by_id, checkpoint_id, seen))
            if found:
                yield found

    def inseparable(self, agent_id: str | None, going: Collection[str]) -> dict[str, str]:
        """Return which of these cannot go, since a file of theirs holds what stays, and why."""
        left, reasons = set(going), dict[str, str]()
        while True:
            found = {
                checkpoint_id: why
                for file in self.files
                if (touched := file.ids & left) and (why := _why_it_stays(file, agent_id, left))
                for checkpoint_id in touched
            }
            if not found:
                return reasons
            reasons |= found
            left -= found.keys()


def holdings(catalog: Listing) -> Holdings:
    """Read which files hold which checkpoints."""
    files = (
        File(entry=entry, saved=tuple(content.saved), is_whole=content.is_whole)
        for entry, content in catalog.read().items()
        if content.saved
    )
    return Holdings(files=tuple(files))


def _connected(by_id: Mapping[str, list[File]], first: str, seen: set[Entry]) -> Iterator[File]:
    waiting = [first]
    while waiting:
        for file in by_id.get(waiting.pop(), ()):
            if file.entry not in seen:
                seen.add(file.entry)
                waiting.extend(file.ids)
                yield file


def _why_it_stays(file: File, agent_id: str | None, going: Set[str]) -> str | None:
    place = file.entry.place
    if not file.is_whole:
        return f"its file {place} also holds what cannot be read"
    if any(agent_id not in (None, saved.record.agent_id) for saved in file.saved):
        return f"its file {place} also holds checkpoints of another agent"
    if not file.ids <= going:
        return f"its file {place} also holds checkpoints that stay"
    return None
