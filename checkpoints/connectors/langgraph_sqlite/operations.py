"""What operations do to a file besides restoring: fork, prune and erase."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from checkpoints.connectors.langgraph import uuid6
from checkpoints.connectors.langgraph.copying import ForkOrder
from checkpoints.connectors.langgraph.erasing import EraseOrder, erase
from checkpoints.connectors.langgraph.records import unaltered
from checkpoints.connectors.langgraph.rows import text_of
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph.trashing import Trashing
from checkpoints.connectors.langgraph_sqlite import acting
from checkpoints.connectors.langgraph_sqlite.forking import ForkPlanner, fork
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.langgraph_sqlite.schema import Schema
from checkpoints.connectors.sqlite_files import space
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.plans import Edit, ForkPlan, ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.operable import Trash

_BYTES_LEFT = (
    "its rows are deleted, but their bytes may still lie in the file, which another process "
    "holds; erase again when it has let go"
)
_PATIENCE = 5.0
_NEWEST = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ?"


class FileOperations(Trashing):
    """The part of a store that forks, prunes and erases; who writes keeps other writers out."""

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

    def remove(
        self, prune: ThreadPrune, *, operation_id: str, now: datetime, trash: Trash | None = None
    ) -> ThreadPruned:
        """Move rows into the trash and out of the file, and give the file's free space back.

        While others hold the file its space is left as it is, and where to write it anew would
        take long; the notes say so. The store's clock says whether a
        run may be going on; nothing goes then. Raises StoreError, PlanRefused or
        CorruptCheckpoint; then nothing was moved.
        """
        before = space.taken(self.path)
        done = self._removed(prune, operation_id=operation_id, trash=trash)
        note = None
        if done.removed:
            space.give_back(self.path)
            note = space.why_not_given_back(self.path)
        return ThreadPruned(
            removed=done.removed,
            stayed=done.stayed,
            freed_bytes=max(0, before - space.taken(self.path)),
            notes=(note,) if note else (),
        )

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
        with self._acting() as file:
            remaining = erase(file, EraseOrder(erasure=erasure, trash=trash))
        clean = space.give_back(self.path, always=True, patience=_PATIENCE)
        gone = [target for target in erasure.targets if target.checkpoint_id not in remaining]
        if not clean:
            remaining |= {target.checkpoint_id: _BYTES_LEFT for target in gone}
        return ThreadErased(
            agent_id=erasure.agent_id,
            thread_id=erasure.thread_id,
            erased=tuple(gone if clean else ()),
            remaining=remaining,
            erased_at=now,
        )

    @contextmanager
    def _looking(self) -> Iterator[Rows]:
        with self._database.snapshot():
            yield self._rows

    def _require_thread(self, agent_id: str | None, thread_id: str) -> None:
        self._agent(agent_id, thread_id)

    def _acting(self) -> AbstractContextManager[acting.WritableFile]:
        return acting.opened(self.path)

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
