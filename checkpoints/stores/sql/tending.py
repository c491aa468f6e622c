"""Removing rows, verifying them and mending them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from checkpoints.records import (
    Checkpoint,
    Finding,
    Removal,
)
from checkpoints.stores.operable import Trash
from checkpoints.stores.sql import (
    entries,
    entry_care,
    erasing,
    mending,
    removing,
    rows,
    verifying,
)
from checkpoints.stores.sql.rows import Db, ThreadRow
from checkpoints.stores.sql.transactions import SqlTransactions


class SqlTending(SqlTransactions):
    """Everything that keeps a store small and sound."""

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        if not checkpoints:
            return []
        with self._writing() as db:
            return removing.trash(db, checkpoints, now)

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        with self._writing() as db:
            return removing.untrash(db, list(dict.fromkeys(checkpoint_ids)))

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed.

        What stands on a deleted frame is written anew first, in the same transaction.
        """
        with self._writing() as db:
            swept = removing.sweep(db, before, self._framing.keys)
        self._framing.forget()
        return swept

    def in_trash(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return the records of a thread that lie in the trash."""
        with self._reading() as db:
            return removing.lying(db, agent_id, thread_id) if db else []

    def purge(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> int:
        """Delete for good what lies in the trash under these ids; return the bytes freed.

        What stands on a deleted frame is written anew first, in the same transaction.
        """
        with self._glancing() as there:
            if there is None:
                return 0
        with self._writing() as db:
            going = removing.named(db, agent_id, thread_id, checkpoint_ids)
            freed = self._purge(db, going)
        self._framing.forget()
        return freed

    def _purge(self, db: Db, going: Sequence[removing.Due]) -> int:
        return removing.delete(db, going, self._framing.keys)

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good; return how many there were.

        What stands on a deleted frame is written anew first, in the same transaction.
        """
        with self._glancing() as there:
            if there is None:
                return 0
        with self._erasing() as db:
            thread = rows.thread_row(db, agent_id, thread_id)
            if checkpoint_ids is None:
                entries.forget_thread(db, agent_id, thread_id)
            erased = self._erase(db, thread, checkpoint_ids, now) if thread else 0
        self._framing.forget()
        return erased

    def _erase(
        self, db: Db, thread: ThreadRow, checkpoint_ids: Sequence[str] | None, now: datetime
    ) -> int:
        if checkpoint_ids is None:
            return erasing.erase_all(db, thread, self._framing.keys, now)
        return erasing.erase(db, thread, checkpoint_ids, self._framing.keys, now)

    def verify(self) -> Iterator[Finding]:
        """Read every frame and record, and yield each thing that is wrong."""
        with self._inspecting() as db:
            findings = self._findings(db) if db else []
        yield from findings

    def verify_deep(self) -> Iterator[Finding]:
        """Like verify, and decode every state against its digest."""
        with self._inspecting() as db:
            findings = self._findings(db) if db else []
            named = {finding.checkpoint_id for finding in findings}
            if db is not None:
                findings += verifying.undecodable(db, self._framing, named)
                findings += entry_care.undecodable(db, self._framing.keys)
        yield from findings

    def _findings(self, db: Db) -> list[Finding]:
        return [*self._damage(db), *verifying.verify(db), *entry_care.verify(db)]

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept."""
        with self._writing() as db:
            moved_away = [*mending.quarantine(db, now), *entry_care.quarantine(db, now)]
        self._framing.forget()
        return moved_away

    def rebuild(self, *, now: datetime) -> int:
        """Remake threads, counts and heads from the frames' own records.

        A head that can be read stays; one that cannot becomes the thread's newest checkpoint.
        """
        with self._writing() as db:
            listed = mending.rebuild(db, now)
        self._framing.forget()
        return listed
