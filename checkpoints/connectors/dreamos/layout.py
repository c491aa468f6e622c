"""The files that DreamOS's checkpoint managers write, and copies of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.documents import (
    Copy,
    Entry,
    FileContent,
    Saved,
    WritableLayout,
    decode_for_rewriting,
    decode_object,
    finding,
)
from checkpoints.connectors.documents.encoding import encode
from checkpoints.connectors.documents.threads import by_name, newest_first
from checkpoints.connectors.documents.values import map_of
from checkpoints.connectors.dreamos import names
from checkpoints.connectors.dreamos.states import PARTS, THREAD, saved_of
from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit
from checkpoints.records import Finding
from checkpoints.stores.edits import edited, path_text


class DreamosLayout(WritableLayout):
    """One file for each checkpoint, named by its agent, its second and its type."""

    framework = "DreamOS"
    thread = THREAD
    tolerance = timedelta(seconds=5)

    def is_checkpoint(self, name: str) -> bool:
        """Say whether a file of this name holds a checkpoint."""
        return names.is_checkpoint(name)

    def is_leftover(self, name: str) -> bool:
        """Say whether a file is a copy or a part of a checkpoint that a save left behind."""
        return names.is_leftover(name)

    def read(self, entry: Entry, content: bytes) -> FileContent:
        """Return what a file holds. Raises Unreadable."""
        decoded = decode_object(content)
        saved = saved_of(entry, content, decoded.value)
        return FileContent(saved=(saved,), findings=tuple(_oddities(saved, decoded.doubled)))

    def state(self, saved: Saved, part: bytes) -> dict[str, Any]:
        """Return the agent's state. Raises Unreadable."""
        return dict(decode_object(part).value["state"])

    def id_of(self, entry: Entry) -> str | None:
        """Return the id that a file's name says."""
        return entry.name.removesuffix(names.SUFFIX)

    def file_of(self, checkpoint_id: str) -> str | None:
        """Return the name of the file of a checkpoint."""
        return f"{checkpoint_id}{names.SUFFIX}"

    def linked(self, saved: list[Saved]) -> list[Saved]:
        """Return each with its parent: what it was restored or forked from, else the one before."""
        found: list[Saved] = []
        for lineage in by_name(saved).values():
            before: str | None = None
            for item in reversed(newest_first(lineage)):
                found.append(item.with_parent(_origin(item) or before))
                before = item.record.id
        return found

    def among(self, saved: Sequence[Saved]) -> Iterator[Finding]:
        """Yield checkpoints whose memory is empty though the agent had one before."""
        for lineage in by_name(saved).values():
            yield from _poisoned(reversed(newest_first(lineage)))

    def edited(self, part: bytes, edits: Sequence[Edit]) -> None:
        """Raise PlanRefused for edits that a copy could not take."""
        encode(_edited(decode_for_rewriting(part), edits), indent=2)

    def copied(self, part: bytes, copy: Copy) -> bytes:
        """Return a copy under its own time and agent, of the type that agents ask for."""
        document = _edited(decode_for_rewriting(part), copy.edits)
        if copy.written_id != names.stem_of(copy.agent_id, copy.created_at):
            raise PlanRefused(
                f"DreamOS would not find {copy.written_id!r} as one of {copy.agent_id}'s; "
                "nothing was written"
            )
        own = {
            "agent_id": copy.agent_id,
            "timestamp": copy.created_at.astimezone(UTC).isoformat(),
            "checkpoint_type": names.ROUTINE,
            "metadata": copy.mark(map_of(document.get("metadata"))),
        }
        return encode({**document, **own}, indent=2)

    def file_name(self, written_id: str) -> str:
        """Return the name of a checkpoint's file."""
        return f"{written_id}{names.SUFFIX}"

    def dated(self, written_id: str, now: datetime) -> datetime:
        """Return the second in a name. Raises PlanRefused."""
        name = names.parse_stem(written_id)
        if name is None or "/" in written_id:
            raise PlanRefused(f"{written_id!r} cannot name a checkpoint; nothing was written")
        return name.second


def _edited(document: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """Return a checkpoint with changes made in its state. Raises PlanRefused."""
    state = edited(document["state"], edits)
    for edit in edits:
        whole = len(edit.path) == 1 and edit.path[0] in PARTS
        if whole and (edit.remove or not isinstance(state[str(edit.path[0])], dict)):
            raise PlanRefused(
                f"the edit at {path_text(edit.path)} cannot be made: DreamOS needs this part, as a "
                "map; nothing was written"
            )
    return {**document, "state": state}


def _oddities(saved: Saved, doubled: Sequence[str]) -> Iterator[Finding]:
    record, place = saved.record, saved.entry.place
    for mismatch in saved.facts["mismatches"]:
        yield finding("wrong_id", f"{place}: {mismatch}", record)
    if record.damage and not saved.facts["is_foreign"]:
        yield finding("unloadable", f"{place}: {record.damage}", record)
    if saved.facts["is_naive"]:
        message = f"{place}: its timestamp has no time zone; it is taken for UTC"
        yield finding("naive_time", message, record)
    if doubled:
        message = f"{place}: {', '.join(doubled)} stands twice in one object; the last counts"
        yield finding("duplicate_key", message, record)


def _origin(item: Saved) -> str | None:
    metadata = item.record.metadata
    origin = metadata.get(marks.RESTORED_FROM) or metadata.get(marks.FORKED_FROM)
    return origin if isinstance(origin, str) else None


def _poisoned(lineage: Iterator[Saved]) -> Iterator[Finding]:
    full: Saved | None = None
    for item in lineage:
        if item.facts["memory"]:
            full = item
        elif full is not None:
            message = (
                f"{item.entry.place}: its memory is empty, and that of {full.record.id} before it "
                f"holds {full.facts['memory']} items"
            )
            yield finding("poisoned", message, item.record)
