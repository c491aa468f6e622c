"""What every store in SQL does with the entries of its journal."""

from __future__ import annotations

from collections.abc import Sequence

from checkpoints.records import JournalEntry, JournalName
from checkpoints.stores.entry_bytes import EntryName, PackedEntry, pack_entries, unpack_entry
from checkpoints.stores.sql import entries as rows
from checkpoints.stores.sql.transactions import SqlTransactions


class SqlJournal(SqlTransactions):
    """Keeps entries, each under its four names."""

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably, all or none; return how many of them are new."""
        packed = pack_entries(entries, self._framing.keys)
        return self._kept_entries(packed, replace=replace) if packed else 0

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
        with self._glancing() as db:
            found = (
                rows.found(db, agent_id, thread_id, kind, prefix=prefix, limit=limit) if db else []
            )
        return [unpack_entry(name, body, self._framing.keys) for name, body in found]

    def forget(self, agent_id: str, thread_id: str, *, kind: str, keys: Sequence[str]) -> int:
        """Delete journal entries for good; return how many there were."""
        names = [EntryName(agent_id, thread_id, kind, key) for key in keys]
        with self._glancing() as db:
            if db is None:
                return 0
        with self._erasing() as db:
            return sum(rows.forget(db, name) for name in names)

    def journals(
        self, agent_id: str | None = None, thread_id: str | None = None
    ) -> list[JournalName]:
        """Return which kinds of entries there are, of which threads."""
        with self._glancing() as db:
            return rows.journals(db, agent_id, thread_id) if db else []

    def _kept_entries(self, packed: Sequence[PackedEntry], *, replace: bool) -> int:
        return self._saving(lambda db: rows.keep(db, packed, replace=replace))
