"""The part of a LangGraph store that says what may go, and brings back what went."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from checkpoints.connectors.langgraph import leaving, pruning, returning
from checkpoints.connectors.langgraph.exact import PrunableDatabase, PrunableRows
from checkpoints.connectors.langgraph.needs import Needs
from checkpoints.connectors.langgraph.skeleton import Skeleton
from checkpoints.errors import PlanRefused
from checkpoints.plans import ThreadPrune
from checkpoints.stores.operable import Trash


class Trashing:
    """What LangGraph's stores have in common when they prune.

    What it does holds against runs that save meanwhile: each act is one transaction that looks at
    the thread again before it changes anything.
    """

    clock: Callable[[], datetime]

    def _looking(self) -> AbstractContextManager[PrunableRows]:
        """Open rows that all see the same state."""
        raise NotImplementedError

    def _acting(self) -> AbstractContextManager[PrunableDatabase]:
        """Open the store for writing. Raises StoreError."""
        raise NotImplementedError

    def _require_thread(self, agent_id: str | None, thread_id: str) -> None:
        """Raise CheckpointNotFound where an agent has no such thread."""
        raise NotImplementedError

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return the heads of the thread and of lasting subgraphs, and branch points."""
        with self._looking() as rows:
            self._require_thread(agent_id, thread_id)
            found = Skeleton.read(rows, thread_id).exempt()
        return {key.checkpoint_id: reason for key, reason in found.items()}

    def needed_by(
        self, agent_id: str | None, thread_id: str, kept: Collection[str]
    ) -> dict[str, str]:
        """Return what those that are kept cannot be read or gone on from without, and why.

        Raises PlanRefused or CorruptCheckpoint where that cannot be told, and PlanRefused while a
        run may be going on.
        """
        with self._looking() as rows:
            self._require_thread(agent_id, thread_id)
            reason = pruning.why_not_now(rows, thread_id, self.clock())
            if reason:
                raise PlanRefused(reason)
            skeleton, names = Skeleton.read(rows, thread_id), frozenset(kept)
            keys = [key for key in skeleton.parents if key.checkpoint_id in names]
            found = Needs(rows, thread_id, skeleton).of(keys)
        return {k.checkpoint_id: why for k, why in found.items() if k.checkpoint_id not in names}

    def trashed(
        self,
        agent_id: str | None,
        thread_id: str,
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str | None]:
        """Return what lies in the trash and no more in the store."""
        held = leaving.required(trash)
        with self._looking() as rows:
            return returning.trashed(rows, thread_id, operation_id=operation_id, trash=held)

    def put_back(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str]:
        """Insert rows exactly as they were; the operation takes them no more."""
        held = leaving.required(trash)
        with self._acting() as database:
            return returning.put_back(
                database, thread_id, checkpoint_ids, operation_id=operation_id, trash=held
            )

    def purge(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> int:
        """Delete for good what lies in the trash; return the bytes of the rows."""
        held = leaving.required(trash)
        return returning.purge(thread_id, checkpoint_ids, operation_id=operation_id, trash=held)

    def _removed(
        self, prune: ThreadPrune, *, operation_id: str, trash: Trash | None
    ) -> pruning.Pruned:
        """Move rows into the trash; the store's clock says whether a run may be going on."""
        order = pruning.PruneOrder(
            prune=prune,
            operation_id=operation_id,
            now=self.clock(),
            trash=leaving.required(trash),
        )
        with self._acting() as database:
            return pruning.remove(database, order)
