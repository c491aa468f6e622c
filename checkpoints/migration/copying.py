"""Copying, one checkpoint after the other, each read back before the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from checkpoints.errors import (
    CheckpointError,
    CheckpointNotFound,
    PlanRefused,
    TransientStoreError,
    UnsupportedState,
)
from checkpoints.migration.entries import settle_entries
from checkpoints.migration.heads import settle_heads
from checkpoints.migration.listing import Listing, draft_of, is_kept, not_copied
from checkpoints.migration.pins import settle_pins
from checkpoints.migration.survey import survey
from checkpoints.records import Checkpoint, Draft, Finding
from checkpoints.sameness import same
from checkpoints.stores.base import ReadableStore, Store


@dataclass(slots=True, kw_only=True)
class Report:
    """What a migration did. ``findings`` names each thing that is not in the new store as it was.

    ``copied`` counts the checkpoints that this run saved, ``present`` those that were there;
    ``heads``, ``pins`` and ``entries`` of journals those that are in the new store as they were.
    """

    threads: int = 0
    copied: int = 0
    present: int = 0
    heads: int = 0
    pins: int = 0
    entries: int = 0
    findings: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON types."""
        return {
            "threads": self.threads,
            "copied": self.copied,
            "present": self.present,
            "heads": self.heads,
            "pins": self.pins,
            "entries": self.entries,
            "findings": [finding.to_dict() for finding in self.findings],
        }


class _Lost(Exception):
    """Why a checkpoint is not in the new store as it was."""


def migrate(
    old: ReadableStore,
    new: Store,
    *,
    thread: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Copy ``old``, or one of its threads, into ``new``: checkpoints, pins, heads and journals.

    ``old`` is only read. What cannot be read there, or not be kept in ``new``, is named in the
    report, and the rest is copied. Done again after it was broken off, it goes on and doubles
    nothing. ``on_progress`` hears how many checkpoints are done. The versions of heads count the
    moves in ``new``: they begin anew. What lies in the trash stays behind.

    Raises what :func:`survey` raises, with nothing copied; HeadMoved when somebody else saves into
    a thread in ``new`` meanwhile, and StoreError when ``new`` refuses to keep more.
    """
    plan = survey(old, new, thread=thread)
    listing = Listing(old, thread)
    report = Report(threads=plan.threads)
    for number, record in enumerate(listing, start=1):
        _copy_one(old, new, record, report)
        if on_progress is not None:
            on_progress(number)
    report.findings += listing.findings
    settle_pins(old, new, listing, report.findings)
    report.pins = plan.pins - sum(f.kind == "pin_not_set" for f in report.findings)
    report.heads = settle_heads(old, new, listing, report.findings)
    report.entries = settle_entries(old, new, thread, report.findings)
    return report


def _copy_one(old: ReadableStore, new: Store, record: Checkpoint, report: Report) -> None:
    try:
        if _copied(old, new, record):
            report.copied += 1
        else:
            report.present += 1
    except _Lost as error:
        report.findings.append(not_copied(record, error))


def _copied(old: ReadableStore, new: Store, record: Checkpoint) -> bool:
    """Copy a checkpoint and read it back; say whether it had to be saved. Raises _Lost."""
    state = _read(old, record)
    draft = draft_of(record)
    kept = _find(new, record.id)
    saved = kept is None
    if kept is None:
        kept = _saved(new, draft, state)
    if not is_kept(draft, kept):
        raise _Lost(f"{new.url} keeps another record under its id")
    if not same(_read(new, kept), state):
        raise _Lost(f"{new.url} gives another state back than was saved")
    if isinstance(old, Store) and kept.sha256 != record.sha256:
        raise _Lost("its digest is another one in the new store")
    return saved


def _read(store: ReadableStore, record: Checkpoint) -> dict[str, Any]:
    try:
        return store.load(record)
    except TransientStoreError:
        raise
    except CheckpointError as error:
        raise _Lost(error) from error


def _find(new: Store, checkpoint_id: str) -> Checkpoint | None:
    try:
        return new.get(checkpoint_id)
    except CheckpointNotFound:
        return None


def _saved(new: Store, draft: Draft, state: dict[str, Any]) -> Checkpoint:
    """Save behind whatever was saved last in the thread; return the record as it is kept."""
    head = new.head(draft.agent_id, draft.thread_id)
    try:
        new.put(draft, state, expected_head=head.checkpoint_id if head else None)
        return new.get(draft.id)
    except (UnsupportedState, PlanRefused, CheckpointNotFound) as error:
        raise _Lost(error) from error
