"""Journal entries that other stores hold for a primary, until they are replayed there.

Each lies there under a key of its own, which sorts by the time at which it came, with a note that
says its real key and whether it replaces. So none is ever written twice, and what is forgotten
after a replay is what was replayed, whatever other processes add meanwhile.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from checkpoints.errors import CheckpointError, StoreError
from checkpoints.identifiers import new_id
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.aside import NOTE

EntryKey = tuple[str, str, str, str]
_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEntry:
    """An entry that waits to be replayed, as its caller knows it; ``aside_key`` is where it is."""

    store: Store
    aside_key: str
    entry: JournalEntry
    replaces: bool


class EntriesAside:
    """The entries that wait in other stores than the primary."""

    def __init__(self, primary: Store, others: Sequence[Store]) -> None:
        self._primary = primary
        self._others = others

    def waiting(self, agent_id: str, thread_id: str, kind: str | None = None) -> list[WaitingEntry]:
        """Return what waits of a thread, in the order in which it came.

        Raises StoreError when a store cannot be read that may hold something.
        """
        found = [w for store in self._others for w in _waiting(store, agent_id, thread_id, kind)]
        return sorted(found, key=lambda waiting: waiting.aside_key)

    def replay(self, agent_id: str, thread_id: str) -> int:
        """Bring what waits of a thread into the primary; return how many entries were carried.

        What the primary holds already stays, unless the one that waits replaces and is no older.
        Stores that cannot be read are left for later. Raises the primary's StoreError.
        """
        waiting = [item for store in self._others for item in _readable(store, agent_id, thread_id)]
        for item in sorted(waiting, key=lambda waiting: waiting.aside_key):
            self._carry(item)
        for store in self._others:
            with contextlib.suppress(StoreError):
                _drop([item for item in waiting if item.store is store])
        return len(waiting)

    def keep(self, entries: Sequence[JournalEntry], *, replaces: bool) -> int | None:
        """Keep entries in the first store that accepts them; None when none does.

        Returns how many are new, as far as the stores can be read.
        """
        known = self._known(entries)
        noted = [_noted(entry, replaces=replaces) for entry in entries]
        for store in self._others:
            with contextlib.suppress(StoreError):
                store.record(noted)
                return len({key_of(entry) for entry in entries} - known)
        return None

    def merged(
        self, found: Iterable[JournalEntry], waiting: Iterable[WaitingEntry], limit: int | None
    ) -> list[JournalEntry]:
        """Return the primary's entries of a kind as they will be after a replay."""
        by_key = {entry.key: entry for entry in found}
        for item in waiting:
            if _wins(item, by_key.get(item.entry.key)):
                by_key[item.entry.key] = item.entry
        listed = sorted(by_key.values(), key=lambda entry: entry.key.encode())
        return listed if limit is None else listed[max(0, len(listed) - max(0, limit)) :]

    def threads(self) -> list[tuple[str, str]]:
        """Return the agents and threads of which entries lie in stores that can be read."""
        keys: dict[tuple[str, str], None] = {}
        for store in self._others:
            with contextlib.suppress(StoreError):
                keys.update(((name.agent_id, name.thread_id), None) for name in store.journals())
        return list(keys)

    def _carry(self, item: WaitingEntry) -> None:
        if _wins(item, entry_of(self._primary, item.entry)):
            self._primary.record([item.entry], replace=item.replaces)

    def _known(self, entries: Sequence[JournalEntry]) -> set[EntryKey]:
        """Return which of these keys are there already, in stores that can be read."""
        known: set[EntryKey] = set()
        with contextlib.suppress(CheckpointError):
            known |= {key_of(e) for e in entries if entry_of(self._primary, e) is not None}
        for agent_id, thread_id in {(e.agent_id, e.thread_id) for e in entries}:
            for store in self._others:
                with contextlib.suppress(CheckpointError):
                    waiting = _waiting(store, agent_id, thread_id, None)
                    known |= {key_of(item.entry) for item in waiting}
        return known


def key_of(entry: JournalEntry) -> EntryKey:
    """Return what tells an entry from all others."""
    return entry.agent_id, entry.thread_id, entry.kind, entry.key


def entry_of(store: Store, entry: JournalEntry) -> JournalEntry | None:
    """Return what a store holds under the key of an entry."""
    found = store.entries(entry.agent_id, entry.thread_id, kind=entry.kind, prefix=entry.key)
    return next((kept for kept in found if kept.key == entry.key), None)


def _wins(item: WaitingEntry, there: JournalEntry | None) -> bool:
    return there is None or (item.replaces and item.entry.recorded_at >= there.recorded_at)


def _noted(entry: JournalEntry, *, replaces: bool) -> JournalEntry:
    note = {"key": entry.key, "replaces": replaces}
    return replace(entry, key=_next_key(), data={**entry.data, NOTE: note})


def _next_key() -> str:
    """Return a key that sorts behind all before: by the millisecond, within it by a number."""
    name = new_id()
    return f"{name[:13]}-{next(_numbers):012d}-{name[14:]}"


def _waiting(store: Store, agent_id: str, thread_id: str, kind: str | None) -> list[WaitingEntry]:
    kinds = [name.kind for name in store.journals(agent_id, thread_id)]
    return [
        _plain(store, entry)
        for one in kinds
        if kind in (None, one)
        for entry in store.entries(agent_id, thread_id, kind=one)
        if NOTE in entry.data
    ]


def _readable(store: Store, agent_id: str, thread_id: str) -> list[WaitingEntry]:
    with contextlib.suppress(StoreError):
        return _waiting(store, agent_id, thread_id, None)
    return []


def _plain(store: Store, kept: JournalEntry) -> WaitingEntry:
    note = kept.data[NOTE]
    data = {name: value for name, value in kept.data.items() if name != NOTE}
    entry = replace(kept, key=note["key"], data=data)
    return WaitingEntry(store=store, aside_key=kept.key, entry=entry, replaces=note["replaces"])


def _drop(items: Sequence[WaitingEntry]) -> None:
    """Forget what was replayed."""
    by_kind: dict[tuple[str, str, str], list[str]] = {}
    for item in items:
        by_kind.setdefault(key_of(item.entry)[:3], []).append(item.aside_key)
    for (agent_id, thread_id, kind), keys in by_kind.items():
        items[0].store.forget(agent_id, thread_id, kind=kind, keys=keys)
