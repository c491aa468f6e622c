"""The files that Agent Framework's FileCheckpointStorage writes, and copies of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from checkpoints.connectors.agent_framework.editing import edited_document
from checkpoints.connectors.agent_framework.workflows import SHOWN, SUFFIX, saved_of
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
from checkpoints.connectors.documents.values import map_of
from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit
from checkpoints.records import Finding


@dataclass(frozen=True, slots=True)
class WorkflowLayout(WritableLayout):
    """One file for each checkpoint, named by its id; a thread is a workflow's name."""

    agent_id: str

    framework = "Agent Framework"

    def is_checkpoint(self, name: str) -> bool:
        """Say whether a file of this name holds a checkpoint."""
        return name.endswith(SUFFIX) and name != SUFFIX

    def read(self, entry: Entry, content: bytes) -> FileContent:
        """Return what a file holds. Raises Unreadable."""
        decoded = decode_object(content)
        saved = saved_of(entry, content, decoded.value, agent_id=self.agent_id)
        findings = (*_oddities(saved), *_doubled(saved, decoded.doubled))
        return FileContent(saved=(saved,), findings=findings)

    def state(self, saved: Saved, part: bytes) -> dict[str, Any]:
        """Return the workflow's state, its messages and its requests. Raises Unreadable."""
        document = decode_object(part).value
        return {name: document[name] for name in SHOWN if name in document}

    def id_of(self, entry: Entry) -> str | None:
        """Return the id that a file's name says."""
        return entry.name.removesuffix(SUFFIX)

    def file_of(self, checkpoint_id: str) -> str | None:
        """Return the name of the file of a checkpoint."""
        return f"{checkpoint_id}{SUFFIX}"

    def among(self, saved: Sequence[Saved]) -> Iterator[Finding]:
        """Yield checkpoints that say another's id, and lineages that are broken off."""
        present = {item.record.id: item for item in saved}
        for item in saved:
            yield from _of_another(item, present)
        yield from _severed(saved, present)

    def edited(self, part: bytes, edits: Sequence[Edit]) -> None:
        """Raise PlanRefused for edits that a copy could not take."""
        encode(edited_document(decode_for_rewriting(part), edits), indent=2, is_ascii=False)

    def copied(self, part: bytes, copy: Copy) -> bytes:
        """Return a copy under its own id, time and workflow; all values stay as they are."""
        document = edited_document(decode_for_rewriting(part), copy.edits)
        own = {
            "workflow_name": copy.thread_id,
            "checkpoint_id": copy.written_id,
            "previous_checkpoint_id": copy.origin.record.id,
            "timestamp": copy.created_at.astimezone(UTC).isoformat(),
            "metadata": copy.mark(map_of(document.get("metadata"))),
        }
        return encode({**document, **own}, indent=2, is_ascii=False)

    def file_name(self, written_id: str) -> str:
        """Return the name of a checkpoint's file. Raises PlanRefused."""
        if not written_id.replace("-", "").replace("_", "").isalnum():
            raise PlanRefused(f"{written_id!r} cannot name a checkpoint; nothing was written")
        return f"{written_id}{SUFFIX}"


def _oddities(saved: Saved) -> Iterator[Finding]:
    record, place = saved.record, saved.entry.place
    if record.damage and saved.facts["stated_id"] == record.id:
        kind = "unknown_field" if "unknown field" in record.damage else "unloadable"
        yield finding(kind, f"{place}: {record.damage}", record)
    if saved.facts["is_naive"]:
        message = (
            f"{place}: its timestamp has no time zone; beside others that have one the framework "
            "finds no latest checkpoint"
        )
        yield finding("naive_time", message, record)


def _doubled(saved: Saved, names: Sequence[str]) -> Iterator[Finding]:
    if names:
        message = (
            f"{saved.entry.place}: {', '.join(names)} stands twice in one object; the last counts"
        )
        yield finding("duplicate_key", message, saved.record)


def _of_another(item: Saved, present: dict[str, Saved]) -> Iterator[Finding]:
    stated, record = item.facts["stated_id"], item.record
    if stated == record.id:
        return
    other = present.get(stated or "")
    if other is None:
        yield finding("wrong_id", f"{item.entry.place}: {record.damage}", record)
    else:
        message = f"{item.entry.place} has the same id as {other.entry.place}"
        yield finding("duplicate_id", message, record)


def _severed(saved: Sequence[Saved], present: dict[str, Saved]) -> Iterator[Finding]:
    """Yield parents that are gone, but for that of a workflow's oldest: pruning leaves that."""
    oldest: dict[str, Saved] = {}
    for item in sorted(saved, key=lambda one: one.record.created_at):
        oldest.setdefault(item.record.thread_id, item)
    for item in saved:
        parent, first = item.record.parent_id, oldest[item.record.thread_id]
        if parent and parent not in present and item is not first:
            message = (
                f"{item.entry.place}: its previous checkpoint {parent} is gone: pruned, or lost"
            )
            yield finding("missing_parent", message, item.record)
