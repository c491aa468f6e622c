"""What a migration will do, and whether it may. Nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from checkpoints.errors import (
    CheckpointError,
    CheckpointNotFound,
    PermanentStoreError,
    PlanRefused,
    TransientStoreError,
)
from checkpoints.migration.entries import journals, read
from checkpoints.migration.listing import Listing, draft_of, is_kept, pages
from checkpoints.records import Checkpoint, Finding
from checkpoints.sameness import same
from checkpoints.stores.base import ReadableStore, Store


@dataclass(slots=True, kw_only=True)
class Survey:
    """What there is to copy. ``present`` of the checkpoints are in the new store already."""

    threads: int = 0
    checkpoints: int = 0
    present: int = 0
    pins: int = 0
    entries: int = 0
    findings: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the survey as JSON types."""
        return {
            "threads": self.threads,
            "checkpoints": self.checkpoints,
            "present": self.present,
            "pins": self.pins,
            "entries": self.entries,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def survey(old: ReadableStore, new: ReadableStore, *, thread: str | None = None) -> Survey:
    """Say what copying ``old``, or one thread of it, into ``new`` would do.

    Raises PlanRefused when ``new`` holds something else under an id or in a thread of ``old``,
    CheckpointNotFound when there is no such thread, PermanentStoreError when ``new`` cannot be
    saved into.
    """
    target = _saved_into(old, new)
    listing = Listing(old, thread)
    found = Survey()
    for record in listing:
        found.checkpoints += 1
        found.present += _is_present(old, target, record)
        _note_damage(found, record)
    keys = {(t.agent_id, t.thread_id) for t in listing.threads()}
    names = journals(old, thread)
    if thread is not None and not keys and not names:
        raise CheckpointNotFound(f"there is no thread {thread!r} in {old.url}; nothing was copied")
    _refuse_mixing(target, keys, listing)
    found.threads, found.pins = len(keys), _pins(old, listing)
    found.entries = sum(len(read(old, name, found.findings)) for name in names)
    found.findings += listing.findings
    return found


def _saved_into(old: ReadableStore, new: ReadableStore) -> Store:
    if old is new:
        raise PlanRefused("a store cannot be migrated into itself; nothing was copied")
    if not isinstance(new, Store):
        raise PermanentStoreError(
            f"{new.url} is a store that another framework writes; migrate into one of Holdfast's "
            "own. Nothing was copied"
        )
    return new


def _is_present(old: ReadableStore, new: Store, record: Checkpoint) -> bool:
    try:
        found = new.get(record.id)
    except CheckpointNotFound:
        return False
    if not is_kept(draft_of(record), found) or not _is_same_state(old, new, record, found):
        raise PlanRefused(
            f"{new.url} holds something else under the id {record.id}; nothing was copied. "
            "Migrate into an empty store"
        )
    return True


def _is_same_state(old: ReadableStore, new: Store, record: Checkpoint, found: Checkpoint) -> bool:
    """Compare by digest, or by content where another framework wrote the digest.

    What cannot be read is named when it is copied, it is not something else.
    """
    if isinstance(old, Store):
        return None in (record.sha256, found.sha256) or record.sha256 == found.sha256
    try:
        return same(old.load(record), new.load(found))
    except TransientStoreError:
        raise
    except CheckpointError:
        return True


def _note_damage(found: Survey, record: Checkpoint) -> None:
    if record.damage:
        message = f"{record.id} cannot be copied: {record.damage}"
        found.findings.append(
            Finding(
                kind="damaged",
                message=message,
                checkpoint_id=record.id,
                thread_id=record.thread_id,
            )
        )


def _refuse_mixing(new: Store, keys: set[tuple[str, str]], listing: Listing) -> None:
    """Raise PlanRefused when a thread went on in the new store, or was there before."""
    for page in pages(new):
        for record in page.checkpoints:
            if (record.agent_id, record.thread_id) in keys and record.id not in listing.seen:
                raise PlanRefused(
                    f"thread {record.thread_id!r} in {new.url} holds {record.id}, which is not in "
                    f"{listing.store.url}; nothing was copied. Trash what is foreign to it, or "
                    "migrate into an empty store"
                )


def _pins(old: ReadableStore, listing: Listing) -> int:
    if not isinstance(old, Store):
        return 0
    return sum(pin.checkpoint_id in listing.seen for pin in old.pins())
