"""The trash of other frameworks' stores, kept in the journal of a store of Holdfast's own.

What an operation took out of a thread lies as entries of one thread of the journal, which no
agent's checkpoints share. They are sealed where the store is, and each carries a check.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from checkpoints.errors import PermanentStoreError, UnsupportedState
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store
from checkpoints.stores.operable import TrashItem

AGENT: Final = "trash"
KIND: Final = "trashed"
_SPARE: Final = "+"
"""Before the name of the copy of what a drop leaves; no quoted operation begins so."""


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class StoreTrash:
    """Keeps trash in the journal of a store.

    ``source`` keeps apart what comes out of several stores: without it, an erasure in one would
    take the trash of the other's threads of the same name along. ``clock`` gives the present time.
    """

    def __init__(
        self, store: Store, *, source: str = "", clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.store = store
        self.clock = clock
        self._agent_id = f"{AGENT}/{source}" if source else AGENT

    def keep(self, operation_id: str, thread_id: str, items: Iterable[TrashItem]) -> None:
        """Keep items durably, all or none, then read them back and compare.

        Those that are there already stay. Raises StoreError when one cannot be kept, when its key
        is taken by another content, or when it does not read back as it was given.
        """
        name, given = _name(operation_id, thread_id), list(items)
        self._settle(name)
        try:
            self.store.record([self._entry(name, item) for item in given])
        except UnsupportedState as error:
            raise PermanentStoreError(
                f"the trash cannot keep this of the thread {thread_id!r}: {error}"
            ) from error
        self._require(name, given)

    def items(self, operation_id: str, thread_id: str) -> list[TrashItem]:
        """Return what an operation put here out of a thread, in the order in which it came.

        Raises CorruptCheckpoint naming an item that cannot be read.
        """
        name = _name(operation_id, thread_id)
        found = self._entries(name) or self._entries(_spare(name))
        return [_item(entry) for entry in sorted(found, key=_recorded_at)]

    def drop(self, operation_id: str, thread_id: str, keys: Collection[str]) -> int:
        """Delete items for good, so that the store overwrites them; return how many there were."""
        name, unwanted = _name(operation_id, thread_id), frozenset(keys)
        if getattr(self.store, "overwrites_what_is_forgotten", False):
            return self.store.forget(self._agent_id, name, kind=KIND, keys=sorted(unwanted))
        self._settle(name)
        found = self._entries(name)
        staying = [entry for entry in found if entry.key not in unwanted]
        if len(staying) < len(found):
            self._copy(staying, _spare(name))
            self._erase(name)
            self._settle(name)
        return len(found) - len(staying)

    def operations(self, thread_id: str) -> list[str]:
        """Return the operations of which something of a thread lies here."""
        names = (journal.thread_id for journal in self.store.journals(self._agent_id))
        parts = (name.removeprefix(_SPARE).partition("/") for name in names)
        return sorted({unquote(operation) for operation, _, thread in parts if thread == thread_id})

    def _entry(self, name: str, item: TrashItem) -> JournalEntry:
        return JournalEntry(
            agent_id=self._agent_id,
            thread_id=name,
            kind=KIND,
            key=item.key,
            recorded_at=self.clock(),
            checkpoint_id=item.checkpoint_id,
            data=item.data,
        )

    def _entries(self, name: str, prefix: str = "") -> list[JournalEntry]:
        return self.store.entries(self._agent_id, name, kind=KIND, prefix=prefix)

    def _require(self, name: str, given: Sequence[TrashItem]) -> None:
        keys = [item.key for item in given]
        found = self._entries(name, _common_prefix(keys)) if keys else []
        there = {entry.key: _item(entry) for entry in found}
        for item in given:
            if there.get(item.key) != item:
                raise PermanentStoreError(
                    f"what the trash holds as {item.key!r} is not what it was given; "
                    "nothing was deleted"
                )

    def _settle(self, name: str) -> None:
        """Finish a drop that was interrupted: what it was to leave may only be in its copy."""
        spare = self._entries(_spare(name))
        if spare:
            self._copy(spare, name)
            self._erase(_spare(name))

    def _copy(self, entries: Sequence[JournalEntry], name: str) -> None:
        self.store.record([replace(entry, thread_id=name) for entry in entries])
        self._require(name, [_item(entry) for entry in entries])

    def _erase(self, name: str) -> None:
        self.store.erase(self._agent_id, name, now=self.clock())


def _name(operation_id: str, thread_id: str) -> str:
    return f"{quote(operation_id, safe='')}/{thread_id}"


def _spare(name: str) -> str:
    return _SPARE + name


def _item(entry: JournalEntry) -> TrashItem:
    return TrashItem(key=entry.key, checkpoint_id=entry.checkpoint_id or "", data=entry.data)


def _recorded_at(entry: JournalEntry) -> datetime:
    return entry.recorded_at


def _common_prefix(keys: Sequence[str]) -> str:
    first, last = min(keys), max(keys)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same)
