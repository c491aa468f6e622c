"""The part of the store that prunes, erases and measures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.erasing import EraseOrder, erase
from checkpoints.connectors.langgraph.records import unaltered
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph.trashing import Trashing
from checkpoints.connectors.langgraph_postgresql import measuring
from checkpoints.connectors.langgraph_postgresql.acting import WritableDatabase
from checkpoints.connectors.langgraph_postgresql.database import Database
from checkpoints.connectors.langgraph_postgresql.pruning import PruningRows
from checkpoints.connectors.langgraph_postgresql.rehearsing import Rehearsal
from checkpoints.connectors.langgraph_postgresql.schema import Schema
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.errors import CheckpointNotFound
from checkpoints.measures import FieldSize, Space
from checkpoints.plans import ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint
from checkpoints.stores.operable import Trash


class DatabaseTending(Trashing):
    """Prunes and erases in transactions that keep other operations off the thread, and measures."""

    _database: Database
    _schema: Schema

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

    def field_sizes(self, agent_id: str | None, thread_id: str) -> Iterator[FieldSize]:
        """Yield what each channel takes, by the node that wrote it, largest first."""
        with self._looking() as rows:
            self._require_thread(agent_id, thread_id)
            sizes = measuring.field_sizes(rows, thread_id)
        yield from sizes

    def space(self) -> Space:
        """Return what LangGraph's tables take with their indexes."""
        return measuring.space_of(self._database)

    def copy_for_rehearsal(self, checkpoint: Checkpoint, folder: Path) -> LangGraphSqliteStore:
        """Write the thread's names and what a restore reads into a LangGraph SQLite file.

        Raises CorruptCheckpoint, CheckpointNotFound, StoreError.
        """
        path = folder / f"{self._database.name.replace('/', '_')}.sqlite"
        with self._looking() as rows:
            row = rows.filled(unaltered(rows, checkpoint))
            bodies.decode_body(row)
            Rehearsal(rows, Threads(rows, self._database.name), row).write(path)
        return LangGraphSqliteStore(path, clock=self.clock)

    @contextmanager
    def _looking(self) -> Iterator[PruningRows]:
        with self._database.snapshot() as session:
            yield PruningRows(session, has_task_path=self._schema.has_task_path)

    def _require_thread(self, agent_id: str | None, thread_id: str) -> None:
        with self._looking() as rows:
            agent = Threads(rows, self._database.name).agent(thread_id)
            if agent_id not in (None, agent) or not rows.count(thread_id):
                raise CheckpointNotFound(f"{rows.where} has no thread {thread_id!r} of this agent")

    def _acting(self) -> AbstractContextManager[WritableDatabase]:
        return nullcontext(WritableDatabase(self._database))
