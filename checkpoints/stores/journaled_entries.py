"""What stores that answer from a ledger do with the entries of their journal."""

from __future__ import annotations

from collections.abc import Sequence

from checkpoints.bodies.encryption import Keyring
from checkpoints.records import JournalEntry, JournalName
from checkpoints.stores.entry_bytes import EntryName, pack_entries, unpack_entry
from checkpoints.stores.entry_ledger import news
from checkpoints.stores.events import Event, EventName
from checkpoints.stores.journaled_listing import JournaledListing


class JournaledEntries(JournaledListing):
    """Keeps entries as events; the ledger holds them packed."""

    _keys: Keyring | None

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably, all or none; return how many of them are new."""
        packed = pack_entries(entries, self._keys)
        with self._exclusive() as ledger:
            chosen = news(ledger.entries, packed, replace=replace)
            new = sum(entry.name not in ledger.entries for entry in chosen)
            if chosen:
                self._record(Event(name=EventName.RECORDED, entries=tuple(chosen)))
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
        """Return a thread's entries of one kind in the order of their keys."""
        with self._reading() as ledger:
            found = ledger.entries.found(EntryName(agent_id, thread_id, kind, prefix), limit)
        return [unpack_entry(entry.name, entry.body, self._keys) for entry in found]

    def forget(self, agent_id: str, thread_id: str, *, kind: str, keys: Sequence[str]) -> int:
        """Delete journal entries for good; return how many there were."""
        names = [EntryName(agent_id, thread_id, kind, key) for key in dict.fromkeys(keys)]
        with self._exclusive() as ledger:
            there = tuple(name for name in names if name in ledger.entries)
            if there:
                self._record(Event(name=EventName.FORGOTTEN, forgotten=there))
        return len(there)

    def journals(
        self, agent_id: str | None = None, thread_id: str | None = None
    ) -> list[JournalName]:
        """Return which kinds of entries there are, of which threads."""
        with self._reading() as ledger:
            return ledger.entries.journals(agent_id, thread_id)
