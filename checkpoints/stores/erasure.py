"""What erasing checkpoints changes in a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from checkpoints.records import Checkpoint, Head
from checkpoints.stores.events import Event, EventName, ThreadKey
from checkpoints.stores.heads import ERASED, ancestors, erased_head
from checkpoints.stores.ledger import Ledger, removal_of


def erasure(ledger: Ledger, key: ThreadKey, ids: Sequence[str], now: datetime) -> Event | None:
    """Return the event that erases some checkpoints of a thread, None when it has none of them."""
    going = [record for record in _kept(ledger, key) if record.id in set(ids)]
    if not going:
        return None
    gone = {record.id for record in going}
    head = ledger.heads.get(key)
    following = None
    if head is not None and head.checkpoint_id in gone:
        to = _nearest(ledger, key, head, gone)
        following = erased_head(head, to, now) if to else None
    return Event(
        name=EventName.ERASED,
        head=following,
        removals=tuple(removal_of(record, ERASED, now) for record in going),
        headless=key if head and head.checkpoint_id in gone and not following else None,
    )


def erasure_of_all(ledger: Ledger, key: ThreadKey, now: datetime) -> Event | None:
    """Return the event that erases a thread, None when there is nothing of it."""
    removals = tuple(removal_of(record, ERASED, now) for record in _kept(ledger, key))
    if not removals and key not in ledger.heads and not ledger.entries.has(key):
        return None
    return Event(name=EventName.ERASED, removals=removals, headless=key, ended=key)


def _kept(ledger: Ledger, key: ThreadKey) -> list[Checkpoint]:
    """Return a thread's checkpoints, those in the trash last."""
    listed = [ledger.records[name] for name in ledger.by_thread.get(key, ())]
    trashed = [record for record, _ in ledger.trashed.values() if _key(record) == key]
    return [*listed, *trashed]


def _nearest(ledger: Ledger, key: ThreadKey, head: Head, going: Iterable[str]) -> Checkpoint | None:
    """Return the nearest ancestor that is listed and stays, else the newest that does."""
    by_id = {record.id: record for record in _kept(ledger, key)}
    left = {name: None for name in ledger.by_thread[key] if name not in going}
    lineage = (record for record in ancestors(by_id, head.checkpoint_id) if record.id in left)
    newest = next(reversed(left), None)
    return next(lineage, ledger.records[newest] if newest else None)


def _key(record: Checkpoint) -> ThreadKey:
    return record.agent_id, record.thread_id
