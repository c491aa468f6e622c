"""What operations do to LangGraph's tables besides restoring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from checkpoints.connectors.langgraph import uuid6
from checkpoints.connectors.langgraph.copying import ForkOrder
from checkpoints.connectors.langgraph.records import unaltered
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_postgresql.database import Database
from checkpoints.connectors.langgraph_postgresql.forking import ForkPlanner, fork
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.connectors.langgraph_postgresql.schema import Schema
from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Checkpoint, Head

_NEWEST = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = %s"


class DatabaseOperations:
    """The part of a store that forks.

    What it does holds against runs that save meanwhile: each act is one transaction that looks
    at the tables again before it writes anything.
    """

    clock: Callable[[], datetime]
    _database: Database
    _schema: Schema
    _reading: Callable[[], AbstractContextManager[tuple[Rows, Threads]]]

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
        with self._reading() as (rows, threads):
            row = unaltered(rows, checkpoint)
            _require_agent(agent_id, threads.agent(checkpoint.thread_id))
            plan = ForkPlanner(rows, threads).plan(row, thread_id, edits)
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
        return fork(self._database, order)

    def _ids_after(self, thread_id: str, count: int) -> tuple[str, ...]:
        with self._reading() as (rows, _):
            found = rows.session.few(_NEWEST, (thread_id,))
        newest = found[0][0] if found and found[0][0] else ""
        return tuple(reversed(uuid6.ids_after(newest, now=self.clock(), count=count)))

    def _agent(self, threads: Threads, agent_id: str | None, thread_id: str) -> str:
        agent = threads.agent(thread_id)
        if agent_id not in (None, agent) or not threads.count(thread_id):
            where = self._database.where
            raise CheckpointNotFound(f"{where} has no thread {thread_id!r} of this agent")
        return agent


def _require_agent(wanted: str | None, agent_id: str) -> None:
    if wanted not in (None, agent_id):
        raise PlanRefused(
            f"a LangGraph thread belongs to the agent that its first run named, {agent_id!r}; it "
            f"cannot be forked for {wanted!r}"
        )
