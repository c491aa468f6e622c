"""Keeping journal entries elsewhere while a store is away, and bringing them home afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from checkpoints.errors import CorruptCheckpoint, StoreError
from checkpoints.records import JournalEntry, JournalName
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.entries_aside import EntriesAside
from checkpoints.stores.decorators.telling import Watch
from checkpoints.stores.decorators.wrapping import WrappingStore


class JournalFallback(WrappingStore):
    """What a store that falls back on others does with a journal."""

    def __init__(self, primary: Store, others: Sequence[Store], watch: Watch) -> None:
        super().__init__(primary)
        self._others = others
        self._watch = watch
        self._journal = EntriesAside(primary, others)

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably, all or none, in the first store that accepts them.

        Returns how many are new. While the primary cannot be read it is not known whether it
        holds them; then they count as new. What waits and cannot be read is left for ``replay()``
        to tell of.
        """
        try:
            for key in dict.fromkeys((entry.agent_id, entry.thread_id) for entry in entries):
                with contextlib.suppress(CorruptCheckpoint):
                    self._replay_journal(*key)
            new = super().record(entries, replace=replace)
        except StoreError as error:
            kept = self._journal.keep(entries, replaces=replace)
            if kept is None:
                raise
            self._watch.went(error)
            return kept
        self._watch.came()
        return new

    def entries(
        self,
        agent_id: str,
        thread_id: str,
        *,
        kind: str,
        prefix: str = "",
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """Return a thread's entries of one kind in the order of their keys, those that wait too.

        Raises StoreError when a store cannot be read that may hold one.
        """
        waiting = self._journal.waiting(agent_id, thread_id, kind)
        found = super().entries(agent_id, thread_id, kind=kind, prefix=prefix, limit=limit)
        fitting = [item for item in waiting if item.entry.key.startswith(prefix)]
        return self._journal.merged(found, fitting, limit) if fitting else found

    def forget(self, agent_id: str, thread_id: str, *, kind: str, keys: Sequence[str]) -> int:
        """Delete journal entries for good, after what waits has been replayed."""
        if self._journal.waiting(agent_id, thread_id, kind):
            self._journal.replay(agent_id, thread_id)
        return super().forget(agent_id, thread_id, kind=kind, keys=keys)

    def journals(
        self, agent_id: str | None = None, thread_id: str | None = None
    ) -> list[JournalName]:
        """Return which kinds of entries there are, of which threads, in all stores."""
        stores = [self._store, *self._others]
        found = {name for store in stores for name in store.journals(agent_id, thread_id)}
        return sorted(found, key=lambda name: (name.agent_id, name.thread_id, name.kind))

    def _replay_journal(self, agent_id: str, thread_id: str) -> None:
        entries = self._journal.replay(agent_id, thread_id)
        if entries:
            self._watch.came(entries=entries)
