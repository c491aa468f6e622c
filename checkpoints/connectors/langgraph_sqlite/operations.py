"""What operations do to a file besides restoring: fork, prune and erase."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

from checkpoints.connectors.langgraph import uuid6
from checkpoints.connectors.langgraph.records import unaltered
from checkpoints.connectors.langgraph.rows import text_of
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_sqlite import leaving, pruning, returning
from checkpoints.connectors.langgraph_sqlite.database import Database
from checkpoints.connectors.langgraph_sqlite.erasing import EraseOrder, erase
from checkpoints.connectors.langgraph_sqlite.forking import ForkOrder, ForkPlanner, fork
from checkpoints.connectors.langgraph_sqlite.needs import Needs
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.langgraph_sqlite.schema import Schema
from checkpoints.connectors.langgraph_sqlite.skeleton import Skeleton
from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.plans import Edit, ForkPlan, ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.operable import Trash

_NEWEST = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ?"


class FileOperations:
    """The part of a store that forks, prunes and erases.

    What it does holds against runs that save meanwhile: each act is one transaction that keeps
    other writers out and looks at the file again before it changes anything.
    """

    path: Path
    clock: Callable[[], datetime]
    _database: Database
    _schema: Schema
    _rows: Rows
    _threads: Threads

    def plan_fork(
        self,
        checkpoint: Checkpoint,
        *,
        thread_id: str,
        agent_id: str | None = None,
        edits: Sequence[Edit] = (),
    ) -> ForkPlan:
        """Say what a new thread at a checkpoint would hold. Raises CorruptCheckpoint, PlanRefused.

        The new thread has the agent of the old one: the configuration of its first run names it.
        """
        if self._schema.no_restore:
            raise PlanRefused(self._schema.no_restore)
        with self._database.snapshot():
            row = unaltered(self._rows, checkpoint)
            _require_agent(agent_id, self._threads.agent(checkpoint.thread_id))
            planner = ForkPlanner(self._rows, self._threads)
            plan = planner.plan(row, thread_id, edits, self.clock())
        self.choose_fork_ids(plan)
        return plan

    def choose_fork_ids(self, plan: ForkPlan) -> tuple[str, ...]:
        """Choose ids that sort after everything in the old thread; the root's is the last of them.

        Raises PlanRefused when the clock is behind the thread.
        """
        return self._ids_after(plan.thread_id, len(plan.targets))

    def fork(
        self,
        plan: ForkPlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
    ) -> Head:
        """Insert the ancestors and copies of the plan's checkpoints, in one transaction.

        Raises CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = ForkOrder(
            plan=plan,
            written_ids=tuple(written_ids),
            operation_id=operation_id,
            reason=reason,
            now=now,
        )
        return fork(self.path, order, self.path.stem)

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return the heads of the thread and of lasting subgraphs, and branch points."""
        with self._database.snapshot():
            self._agent(agent_id, thread_id)
            found = Skeleton.read(self._rows, thread_id).exempt()
        return {key.checkpoint_id: reason for key, reason in found.items()}

    def needed_by(
        self, agent_id: str | None, thread_id: str, kept: Collection[str]
    ) -> dict[str, str]:
        """Return what those that are kept cannot be read or gone on from without, and why.

        Raises PlanRefused or CorruptCheckpoint where that cannot be told, and PlanRefused while a
        run may be going on.
        """
        with self._database.snapshot():
            self._agent(agent_id, thread_id)
            reason = pruning.why_not_now(self._rows, thread_id, self.clock())
            if reason:
                raise PlanRefused(reason)
            skeleton, names = Skeleton.read(self._rows, thread_id), frozenset(kept)
            keys = [key for key in skeleton.parents if key.checkpoint_id in names]
            found = Needs(self._rows, thread_id, skeleton).of(keys)
        return {k.checkpoint_id: why for k, why in found.items() if k.checkpoint_id not in names}

    def remove(
        self, prune: ThreadPrune, *, operation_id: str, now: datetime, trash: Trash | None = None
    ) -> ThreadPruned:
        """Move rows into the trash and out of the file, and give the file's free space back.

        While others hold the file its space is left as it is. The store's clock says whether a
        run may be going on; nothing goes then. Raises StoreError, PlanRefused or
        CorruptCheckpoint; then nothing was moved.
        """
        order = pruning.PruneOrder(
            prune=prune,
            operation_id=operation_id,
            now=self.clock(),
            trash=leaving.required(trash),
        )
        return pruning.remove(self.path, order)

    def trashed(
        self,
        agent_id: str | None,
        thread_id: str,
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str | None]:
        """Return what lies in the trash and no more in the file."""
        held = leaving.required(trash)
        with self._database.snapshot():
            return returning.trashed(self._rows, thread_id, operation_id=operation_id, trash=held)

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
        return returning.put_back(
            self.path,
            thread_id,
            checkpoint_ids,
            operation_id=operation_id,
            trash=leaving.required(trash),
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

    def erase_thread(
        self,
        erasure: ThreadErasure,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadErased:
        """Delete rows and trash for good, and write the file anew so that no byte is left.

        What is needed to read others stays and is named. Raises StoreError or PlanRefused; then
        nothing was erased.
        """
        return erase(self.path, EraseOrder(erasure=erasure, now=now, trash=trash))

    def _ids_after(self, thread_id: str, count: int) -> tuple[str, ...]:
        newest = next(text_of(name) for (name,) in self._database.rows(_NEWEST, (thread_id,)))
        return tuple(reversed(uuid6.ids_after(newest, now=self.clock(), count=count)))

    def _agent(self, agent_id: str | None, thread_id: str) -> str:
        agent = self._threads.agent(thread_id)
        if agent_id not in (None, agent) or not self._threads.count(thread_id):
            raise CheckpointNotFound(f"{self.path} has no thread {thread_id!r} of this agent")
        return agent


def _require_agent(wanted: str | None, agent_id: str) -> None:
    if wanted not in (None, agent_id):
        raise PlanRefused(
            f"a LangGraph thread belongs to the agent that its first run named, {agent_id!r}; it "
            f"cannot be forked for {wanted!r}"
        )
