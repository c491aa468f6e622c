"""How Sifaka lays chains out in files.

One JSON object holds all chains, each checkpoint as ``checkpoint:{chain}:{id}``, and each chain's
newest once more as ``checkpoint:latest:{chain}``. The other form is a JSONL file, a checkpoint in
each line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from checkpoints.connectors.documents import (
    Entry,
    FileContent,
    Layout,
    Saved,
    Unreadable,
    decode_object,
    finding,
)
from checkpoints.connectors.sifaka.members import Member, Members, lines_of, members_of
from checkpoints.connectors.sifaka.states import Reader, lacking
from checkpoints.records import Finding

MAX_BYTES: Final = 64 * 1024 * 1024
_PREFIX: Final = "checkpoint:"
_LATEST: Final = "checkpoint:latest:"
_MOST_TOLD: Final = 20
_ID = re.compile(rb'"checkpoint_id"\s*:\s*"([^"\\]{1,200})"')
_CHAIN = re.compile(rb'"chain_id"\s*:\s*"([^"\\]{1,200})"')
_RUN_OVER: Final = (
    "Sifaka reads nothing of such a file: it begins with an empty history, and its next save "
    "overwrites this one"
)


@dataclass(frozen=True, slots=True)
class SifakaLayout(Layout):
    """``only`` names the one file that is read, where the URL names a file."""

    reader: Reader
    only: str | None = None
    framework = "Sifaka"
    max_bytes = MAX_BYTES

    def is_checkpoint(self, name: str) -> bool:
        """Say whether a file of this name may hold chains."""
        return name == self.only if self.only else name.endswith((".json", ".jsonl"))

    def read(self, entry: Entry, content: bytes) -> FileContent:
        """Return what a file holds. Raises Unreadable."""
        reading = _Reading(self.reader, entry, content)
        if entry.name.endswith(".jsonl"):
            reading.lines()
        elif self.only or _is_ours(content):
            reading.members()
        return reading.content_found()

    def part(self, saved: Saved, content: bytes) -> bytes:
        """Return the bytes of one checkpoint."""
        start, end = (int(place) for place in saved.part.split("-"))
        return content[start:end]

    def state(self, saved: Saved, part: bytes) -> dict[str, Any]:
        """Return the state in a checkpoint's bytes. Raises Unreadable."""
        found: dict[str, Any] = decode_object(part).value
        return found

    def linked(self, saved: list[Saved]) -> list[Saved]:
        """Return checkpoints with their step in the chain; each follows the one before it."""
        chains: dict[str, list[Saved]] = {}
        for item in saved:
            chains.setdefault(item.record.thread_id, []).append(item)
        return [item for chain in chains.values() for item in _chained(chain)]

    def among(self, saved: Sequence[Saved]) -> Iterator[Finding]:
        """Yield nothing: what is wrong is told of each file."""
        yield from ()


@dataclass(slots=True)
class _Reading:
    """One file while it is read."""

    reader: Reader
    entry: Entry
    content: bytes
    saved: list[Saved] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    latest: dict[str, Saved] = field(default_factory=dict)
    is_whole: bool = True

    def content_found(self) -> FileContent:
        return FileContent(
            saved=tuple(self.saved), findings=tuple(self.findings), is_whole=self.is_whole
        )

    def lines(self) -> None:
        for line in lines_of(self.content):
            item = self._taken(line.start, line.end, f"line {line.number}")
            if item is not None:
                self.saved.append(item)

    def members(self) -> None:
        found = members_of(self.content)
        for member in found.found:
            self._member(member)
        self._add_lost()
        self._note_end(found)

    def _member(self, member: Member) -> None:
        if not member.key.startswith(_PREFIX):
            return
        item = self._taken(member.start, member.end, repr(member.key))
        if item is None:
            return
        if member.key.startswith(_LATEST):
            self.latest[item.record.thread_id] = item
            return
        record = item.record
        self.saved.append(item)
        if member.key != f"{_PREFIX}{record.thread_id}:{record.id}":
            message = f"{self.entry.place}: {member.key!r} holds {record.id} of another name"
            self.findings.append(finding("wrong_id", message, record))

    def _taken(self, start: int, end: int, where: str) -> Saved | None:
        """Return a checkpoint that lies in the file; ``None``, and a finding, for what is none."""
        raw = self.content[start:end]
        start, end = start + len(raw) - len(raw.lstrip()), start + len(raw.rstrip())
        part = self.content[start:end]
        try:
            state = decode_object(part).value
        except Unreadable as error:
            self._lose(error.kind, f"{where}: {error}", part)
            return None
        record = self.reader.record(state, part, self.entry)
        if not record.id or not record.thread_id:
            self._lose("undecodable", f"{where}: it names no checkpoint or no chain", part)
            return None
        item = Saved(record=record, entry=self.entry, part=f"{start}-{end}")
        self._note(state, item)
        return item

    def _note(self, state: dict[str, Any], item: Saved) -> None:
        missing = ", ".join(lacking(state))
        if missing:
            message = f"{self.entry.place}: {item.record.id} lacks {missing}: Sifaka cannot load it"
            self.findings.append(finding("undecodable", message, item.record))
        elif self.reader.time_of(state.get("timestamp")) is None:
            message = f"{self.entry.place}: the timestamp of {item.record.id} is no time"
            self.findings.append(finding("undecodable", message, item.record))

    def _add_lost(self) -> None:
        """Take a chain's newest from its second copy where the first is gone."""
        known = {(item.record.thread_id, item.record.id) for item in self.saved}
        for chain, item in self.latest.items():
            if (chain, item.record.id) not in known:
                self.saved.append(item)
                message = (
                    f"{self.entry.place}: of {item.record.id} only the copy as the chain's latest "
                    "is left: another process wrote over this file, or it was cut short"
                )
                self.findings.append(finding("lost_history", message, item.record))

    def _note_end(self, found: Members) -> None:
        if found.cut:
            self._lose("truncated", f"the file ends within its JSON object. {_RUN_OVER}")
            left = self._left()
            self._lose("lost_history", f"what can still be read of it: {left}")
        elif found.rest:
            self._lose("undecodable", f"more follows behind the JSON object. {_RUN_OVER}")

    def _left(self) -> str:
        chains: dict[str, int] = {}
        for item in self.saved:
            chains[item.record.thread_id] = chains.get(item.record.thread_id, 0) + 1
        if not chains:
            return "nothing"
        told = [f"{count} of {chain}" for chain, count in list(chains.items())[:_MOST_TOLD]]
        more = [f"and {len(chains) - _MOST_TOLD} more"] if len(chains) > _MOST_TOLD else []
        many = f"{len(self.saved)} checkpoints of {len(chains)} chains"
        return f"{many} ({', '.join([*told, *more])}); import them before Sifaka saves again"

    def _lose(self, kind: str, message: str, part: bytes = b"") -> None:
        """Note what cannot be read, by the names that still stand in it."""
        self.is_whole = False
        found = Finding(
            kind=kind,
            message=f"{self.entry.place}: {message}",
            checkpoint_id=_name_in(_ID, part),
            thread_id=_name_in(_CHAIN, part),
        )
        self.findings.append(found)


def _is_ours(content: bytes) -> bool:
    """Say whether a file of a folder is, or may once have been, a store of chains."""
    return not content.strip(b"\0 \r\n\t") or f'"{_PREFIX}'.encode() in content


def _name_in(pattern: re.Pattern[bytes], part: bytes) -> str | None:
    found = pattern.search(part)
    return found[1].decode("utf-8", "replace") if found else None


def _chained(chain: list[Saved]) -> Iterator[Saved]:
    ordered = sorted(chain, key=lambda item: item.record.created_at)
    parent: str | None = None
    for step, item in enumerate(ordered, 1):
        yield replace(item, record=replace(item.record, step=step, parent_id=parent))
        parent = item.record.id
