"""The part of the store that prunes and erases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime

from checkpoints.connectors.langgraph.erasing import EraseOrder, erase
from checkpoints.connectors.langgraph.trashing import Trashing
from checkpoints.connectors.langgraph_postgresql import schema
from checkpoints.connectors.langgraph_postgresql.acting import WritableDatabase
from checkpoints.connectors.langgraph_postgresql.database import Database
from checkpoints.connectors.langgraph_postgresql.pruning import PruningRows
from checkpoints.plans import ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.stores.operable import Trash


class DatabaseTrashing(Trashing):
    """Prunes and erases in transactions that keep other operations off the thread."""

    _database: Database

    def remove(
        self, prune: ThreadPrune, *, operation_id: str, now: datetime, trash: Trash | None = None
    ) -> ThreadPruned:
        """Move rows into the trash, and the blobs that only they referred to.

        ``freed_bytes`` are the bytes of the rows that were deleted; PostgreSQL uses their space
        again after its own vacuum. The store's clock says whether a run may be going on; nothing
        goes then. Raises StoreError, PlanRefused or CorruptCheckpoint; then nothing was moved.
        """
        done = self._removed(prune, operation_id=operation_id, trash=trash)
        return ThreadPruned(removed=done.removed, stayed=done.stayed, freed_bytes=done.size)

    def erase_thread(
        self,
        erasure: ThreadErasure,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadErased:
        """Delete rows, blobs and trash for good.

        What is needed to read others stays and is named. Raises StoreError or PlanRefused; then
        nothing was erased.
        """
        with self._acting() as database:
            remaining = erase(database, EraseOrder(erasure=erasure, trash=trash))
        gone = (target for target in erasure.targets if target.checkpoint_id not in remaining)
        return ThreadErased(
            agent_id=erasure.agent_id,
            thread_id=erasure.thread_id,
            erased=tuple(gone),
            remaining=remaining,
            erased_at=now,
        )

    @contextmanager
    def _reading(self) -> Iterator[PruningRows]:
        with self._database.snapshot() as session:
            found = schema.inspect(session, self._database.schema)
            yield PruningRows(session, has_task_path=found.has_task_path)

    def _acting(self) -> AbstractContextManager[WritableDatabase]:
        return nullcontext(WritableDatabase(self._database))
