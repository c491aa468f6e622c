"""Copying journals, each read back when it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checkpoints.errors import CorruptCheckpoint, PermanentStoreError, UnsupportedState
from checkpoints.records import Finding, JournalEntry, JournalName
from checkpoints.sameness import same_entry
from checkpoints.stores.base import ReadableStore, Store

_BATCH = 200


def journals(store: ReadableStore, thread: str | None) -> list[JournalName]:
    """Return the journals of a store, or of one thread; other frameworks' stores have none."""
    return store.journals(None, thread) if isinstance(store, Store) else []


def settle_entries(
    old: ReadableStore, new: Store, thread: str | None, findings: list[Finding]
) -> int:
    """Make the new journals say what the old ones say; return how many entries do.

    Also those of threads without a checkpoint. Of two that differ under one key the later stays.
    """
    settled = 0
    for name in journals(old, thread):
        entries = read(old, name, findings)
        _copy(new, name, entries, findings)
        settled += _settled(new, name, entries, findings)
    return settled


def read(store: ReadableStore, name: JournalName, findings: list[Finding]) -> list[JournalEntry]:
    """Return a journal's entries, none where one cannot be read; that is named."""
    if not isinstance(store, Store):
        return []
    try:
        return store.entries(name.agent_id, name.thread_id, kind=name.kind)
    except (CorruptCheckpoint, PermanentStoreError) as error:
        findings.append(_not_copied(name, error))
        return []


def _copy(
    new: Store, name: JournalName, entries: Sequence[JournalEntry], findings: list[Finding]
) -> None:
    """Record what is missing in the new store, or older there."""
    there = _by_key(new, name) if entries else {}
    lacking = [entry for entry in entries if _is_lacking(there.get(entry.key), entry)]
    try:
        for some in _batches(lacking):
            new.record(some, replace=True)
    except UnsupportedState as error:
        findings.append(_not_copied(name, error))


def _is_lacking(there: JournalEntry | None, entry: JournalEntry) -> bool:
    if there is None:
        return True
    return there.recorded_at <= entry.recorded_at and not same_entry(there, entry)


def _settled(
    new: Store, name: JournalName, entries: Sequence[JournalEntry], findings: list[Finding]
) -> int:
    """Read a journal back; count what is as it was and name what is not."""
    there = _by_key(new, name) if entries else {}
    other = [entry for entry in entries if not _is_kept(there.get(entry.key), entry)]
    findings += [
        _not_copied(name, f"{new.url} holds something else under {entry.key!r}") for entry in other
    ]
    return len(entries) - len(other)


def _is_kept(there: JournalEntry | None, entry: JournalEntry) -> bool:
    return there is not None and same_entry(there, entry)


def _by_key(store: Store, name: JournalName) -> dict[str, JournalEntry]:
    found = store.entries(name.agent_id, name.thread_id, kind=name.kind)
    return {entry.key: entry for entry in found}


def _batches(entries: Sequence[JournalEntry]) -> Iterator[Sequence[JournalEntry]]:
    for start in range(0, len(entries), _BATCH):
        yield entries[start : start + _BATCH]


def _not_copied(name: JournalName, why: object) -> Finding:
    return Finding(
        kind="entry_not_copied",
        message=f"entries of kind {name.kind!r} in thread {name.thread_id!r} were not all copied: "
        f"{why}",
        thread_id=name.thread_id,
    )
