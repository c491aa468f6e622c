"""How CrewAI's JsonProvider lays checkpoints out: ``{branch}/{id}_p-{parent}.json``.

CrewAI resumes the file that was modified last, and its names count in seconds, in which a crew may
save many times. A file's time of modification therefore tells when it was saved, unless it is far
from the name's: then the folder was copied, and name and lineage tell the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from checkpoints.connectors.crewai.bodies import MAX_BYTES, OURS, Body
from checkpoints.connectors.crewai.lineages import missing_parents
from checkpoints.connectors.crewai.names import FileName, parse_name, time_of
from checkpoints.connectors.crewai.states import (
    Stored,
    agent_name,
    marks_in,
    record_of,
    steps_done,
)
from checkpoints.connectors.crewai.writing import require_written, rewritten
from checkpoints.connectors.documents import (
    Copy,
    Entry,
    FileContent,
    Saved,
    Unreadable,
    WritableLayout,
    decode_object,
    digest,
    finding,
)
from checkpoints.connectors.documents.publishing import TEMPORARY_SUFFIX
from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit
from checkpoints.records import Checkpoint, Finding

MAIN = "main"
WRITTEN_AT = "written_at"
"""Where a copy of ours says when it was written: its name is older, from when it was planned."""
STEPS = "steps"
_MOMENT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class CrewAILayout(WritableLayout):
    """``agent`` names agents without a name, or all of them if ``is_named``."""

    agent: str
    is_named: bool = False
    framework = "CrewAI"
    max_bytes = MAX_BYTES

    def is_checkpoint(self, name: str) -> bool:
        """Say whether CrewAI takes a file of this name for a checkpoint."""
        return parse_name(name) is not None

    def read(self, entry: Entry, content: bytes) -> FileContent:
        """Return what a file holds. Raises Unreadable."""
        name = _required_name(entry)
        outline = self.state_in(content)
        if not isinstance(outline.get("entities"), list):
            raise Unreadable(
                "undecodable", "the file holds no entities; CrewAI cannot resume from it"
            )
        record = self._record(entry, name, content, outline)
        left = marks_in(outline)
        saved = Saved(
            record=replace(record, created_at=_saved_at(entry, name, left)),
            entry=entry,
            facts={**left, STEPS: steps_done(outline)},
        )
        return FileContent(saved=(saved,), findings=tuple(_oddities(saved, outline)))

    def state(self, saved: Saved, part: bytes) -> dict[str, Any]:
        """Return the state in a file's bytes. Raises Unreadable."""
        return self.state_in(part)

    def state_in(self, content: bytes) -> dict[str, Any]:
        """Return the state in a file's bytes. Raises Unreadable."""
        found: dict[str, Any] = decode_object(content).value
        return found

    def linked(self, saved: list[Saved]) -> list[Saved]:
        """Return checkpoints of one moment in the order of their lineage."""
        moments: dict[tuple[str, datetime], list[Saved]] = {}
        for item in saved:
            moments.setdefault((item.record.thread_id, item.record.created_at), []).append(item)
        return [item for moment in moments.values() for item in _in_order(moment)]

    def among(self, saved: Sequence[Saved]) -> Iterator[Finding]:
        """Yield branch points that are gone, and a folder whose files lost their times."""
        records = [item.record for item in saved]
        yield from missing_parents((r.id, r.parent_id, r.thread_id) for r in records)
        yield from _misleading_times(saved)

    def id_of(self, entry: Entry) -> str | None:
        """Return the id that a file's name says."""
        name = parse_name(entry.name)
        return name.id if name else None

    def copied(self, part: bytes, copy: Copy) -> bytes:
        """Return the bytes of a copy. Raises PlanRefused."""
        left = {**copy.mark({}), WRITTEN_AT: copy.created_at.astimezone(UTC).isoformat()}
        places = {"parent_id": copy.origin.record.id, "branch": copy.thread_id, OURS: left}
        return rewritten(Body(data=part), copy.edits, places)

    def edited(self, part: bytes, edits: Sequence[Edit]) -> None:
        """Raise PlanRefused for edits that a copy could not take."""
        require_written(Body(data=part), tuple(edits))

    def file_name(self, written_id: str) -> str:
        """Return the name of a checkpoint's file that follows none."""
        return str(FileName(id=written_id, parent_id=None))

    def name_of(self, copy: Copy) -> str:
        """Return the name of a copy's file, which says what it was copied from."""
        return str(FileName(id=copy.written_id, parent_id=copy.origin.record.id))

    def _record(
        self, entry: Entry, name: FileName, content: bytes, outline: Mapping[str, Any]
    ) -> Checkpoint:
        inside = outline.get("branch")
        stored = Stored(
            id=name.id,
            branch=entry.subfolder or (inside if isinstance(inside, str) and inside else MAIN),
            parent_id=name.parent_id,
            size=len(content),
            sha256=digest(content),
            fallback_time=modified_at(entry),
        )
        agent = None if self.is_named else agent_name(outline)
        record = record_of(stored, agent or self.agent, outline)
        return replace(record, metadata={**record.metadata, "file": entry.place})


def modified_at(entry: Entry) -> datetime:
    """Return when a file was last written."""
    seconds, rest = divmod(entry.stamp.modified_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // 1_000)


def without_affixes(name: str) -> str:
    """Return the file name that a leftover stands for."""
    return name.removeprefix(".").removeprefix("removed-").removesuffix(TEMPORARY_SUFFIX)


def _required_name(entry: Entry) -> FileName:
    name = parse_name(entry.name)
    if name is None:
        raise PlanRefused(f"{entry.place} is no checkpoint's file")
    return name


def _saved_at(entry: Entry, name: FileName, left: Mapping[str, Any]) -> datetime:
    """Return when a checkpoint was saved, as exactly as can be told."""
    try:
        told = datetime.fromisoformat(left[WRITTEN_AT])
        return told.astimezone(UTC) if told.tzinfo else modified_at(entry)
    except (KeyError, TypeError, ValueError, OverflowError):
        named, modified = time_of(name.id), modified_at(entry)
    if named is None or named <= modified <= named + _MOMENT:
        return modified
    return named


def _in_order(moment: list[Saved]) -> Iterator[Saved]:
    """Yield checkpoints of one moment, each after its parent, a microsecond apart."""
    parents = {item.record.id: item.record.parent_id for item in moment}
    ordered = sorted(moment, key=lambda item: (_depth(item.record.id, parents), item.record.id))
    for place, item in enumerate(ordered):
        at = item.record.created_at + timedelta(microseconds=place)
        yield replace(item, record=replace(item.record, created_at=at))


def _depth(name: str, parents: Mapping[str, str | None]) -> int:
    seen: set[str] = set()
    at: str | None = name
    while at is not None and at in parents and at not in seen:
        seen.add(at)
        at = parents[at]
    return len(seen)


def _oddities(saved: Saved, outline: Mapping[str, Any]) -> Iterator[Finding]:
    inside = outline.get("branch", MAIN)
    if saved.entry.subfolder and inside != saved.entry.subfolder:
        message = (
            f"{saved.entry.place}: inside it says that its branch is {inside!r}: a run from it "
            "saves there"
        )
        yield finding("wrong_id", message, saved.record)


def _misleading_times(saved: Sequence[Saved]) -> Iterator[Finding]:
    """Yield a finding where CrewAI would resume another checkpoint than was saved last."""
    if not saved:
        return
    last = max(saved, key=lambda item: item.record.created_at)
    taken = max(saved, key=lambda item: item.entry.stamp.modified_ns)
    if last.entry.stamp.modified_ns < taken.entry.stamp.modified_ns:
        message = (
            f"CrewAI resumes {taken.entry.place}, whose file was modified last, though "
            f"{last.entry.place} was saved last: the files were copied without their times; a "
            "restore of the latter sets it right"
        )
        yield finding("lost_times", message, taken.record)
