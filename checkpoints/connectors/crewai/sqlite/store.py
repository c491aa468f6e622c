"""The SQLite file that CrewAI's SqliteProvider writes, as Holdfast acts on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from checkpoints.connectors.crewai import planning
from checkpoints.connectors.crewai.names import new_id
from checkpoints.connectors.crewai.planning import Around
from checkpoints.connectors.crewai.sqlite import erasing, pruning, rehearsing, writing
from checkpoints.connectors.crewai.sqlite.held import Held, required
from checkpoints.connectors.crewai.sqlite.reading import CrewAISqliteReading
from checkpoints.connectors.crewai.sqlite.rows import Row
from checkpoints.connectors.crewai.states import steps_done
from checkpoints.connectors.crewai.writing import (
    RESTAMPED,
    ForkOrder,
    RestoreOrder,
    require_written,
)
from checkpoints.errors import CorruptCheckpoint
from checkpoints.plans import Edit, ForkPlan, ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Directive, Head, RestorePlan
from checkpoints.stores.operable import Trash


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class CrewAISqliteStore(CrewAISqliteReading):
    """Lists, reads, restores, forks, prunes and erases the checkpoints in a file of CrewAI's.

    The file is opened read-only except while an operation writes. Raises PermanentStoreError when
    ``path`` is no such file, TransientStoreError when it is locked. ``agent`` names the agent;
    unless given, the crew or flow in a branch's oldest checkpoint does, or else the file.
    """

    restamped_fields = RESTAMPED

    def __init__(
        self,
        path: Path,
        *,
        url: str | None = None,
        agent: str | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(path, url=url, agent=agent, clock=clock)

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what a restore would do now. Raises CorruptCheckpoint, PlanRefused."""
        self._require("written")
        with self._database.snapshot():
            row = self._unaltered(checkpoint)
            record, state = row.record(self._rows.agent(row.stored.branch)), row.decode()
            return planning.restore_plan(record, state, self._around(row), self.clock())

    def choose_ids(self, plan: RestorePlan) -> tuple[str, ...]:
        """Choose an id of the form that CrewAI gives its checkpoints."""
        return tuple(new_id(self.clock()) for _ in plan.targets)

    def restore(
        self,
        plan: RestorePlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
        directive: Directive | None = None,
    ) -> Head:
        """Insert a copy of the plan's checkpoint as the newest row, in one transaction.

        Raises HeadMoved, CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = RestoreOrder(
            plan=plan,
            written_id=written_ids[0],
            operation_id=operation_id,
            reason=reason,
            now=now,
            directive=directive,
        )
        return writing.restore(self.path, order, self._rows)

    def plan_fork(
        self,
        checkpoint: Checkpoint,
        *,
        thread_id: str,
        agent_id: str | None = None,
        edits: Sequence[Edit] = (),
    ) -> ForkPlan:
        """Say what a new branch at a checkpoint would hold. Raises CorruptCheckpoint, PlanRefused.

        The new branch has the agent of the old one: its checkpoints say which crew they are of.
        """
        self._require("written")
        with self._database.snapshot():
            row = self._unaltered(checkpoint)
            record, state = row.record(self._rows.agent(row.stored.branch)), row.decode()
            planning.require_agent(agent_id, record.agent_id)
            plan = planning.fork_plan(record, state, branch=thread_id, edits=edits)
            writing.require_new(self._rows, thread_id)
        if row.body:
            require_written(row.body, plan.edits)
        return plan

    def choose_fork_ids(self, plan: ForkPlan) -> tuple[str, ...]:
        """Choose an id of the form that CrewAI gives its checkpoints."""
        return tuple(new_id(self.clock()) for _ in plan.targets)

    def fork(
        self,
        plan: ForkPlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
    ) -> Head:
        """Insert a copy of the plan's checkpoint as the first of a new branch; return its head.

        Raises CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = ForkOrder(
            plan=plan,
            written_id=written_ids[0],
            operation_id=operation_id,
            reason=reason,
            now=now,
        )
        return writing.fork(self.path, order, self._rows)

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return the branch's newest checkpoint, and where other branches begin."""
        with self._database.snapshot():
            self._agent(agent_id, thread_id)
            return pruning.exempt(self._rows, thread_id)

    def needed_by(
        self, agent_id: str | None, thread_id: str, kept: Collection[str]
    ) -> dict[str, str]:
        """Return nothing: each checkpoint of CrewAI's is whole by itself."""
        return {}

    def remove(
        self, prune: ThreadPrune, *, operation_id: str, now: datetime, trash: Trash | None = None
    ) -> ThreadPruned:
        """Move rows into the trash and out of the file, and give the file's free space back.

        Raises StoreError, PlanRefused or CorruptCheckpoint; then nothing was moved.
        """
        held = required(trash)
        order = pruning.PruneOrder(prune=prune, operation_id=operation_id, trash=held)
        return pruning.remove(self.path, order, self._rows)

    def trashed(
        self,
        agent_id: str | None,
        thread_id: str,
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str | None]:
        """Return what lies in the trash and no more in the file."""
        held = Held.read(required(trash), operation_id, thread_id)
        with self._database.snapshot():
            return pruning.trashed(self._rows, held)

    def put_back(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str]:
        """Insert rows exactly as and where they were; the operation takes them no more."""
        back = pruning.Return(branch=thread_id, operation_id=operation_id, trash=required(trash))
        return back.carry_out(self.path, checkpoint_ids, self._rows)

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
        return pruning.purge(required(trash), operation_id, thread_id, checkpoint_ids)

    def erase_thread(
        self,
        erasure: ThreadErasure,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadErased:
        """Delete rows and trash for good, and write the file anew so that no byte is left.

        Raises StoreError or PlanRefused; then nothing was erased.
        """
        order = erasing.EraseOrder(erasure=erasure, now=now, trash=trash)
        return erasing.erase(self.path, order, self._rows)

    def copy_for_rehearsal(self, checkpoint: Checkpoint, folder: Path) -> Self:
        """Write the checkpoint's branch into a file in an empty folder, and open that."""
        with self._database.snapshot():
            row = self._unaltered(checkpoint)
            row.decode()
            path = rehearsing.write_copy(self._rows, row, folder)
        agent = self._rows.agent(row.stored.branch)
        return type(self)(path, url=self.url, agent=agent, clock=self.clock)

    def _around(self, row: Row) -> Around:
        branch = row.stored.branch
        head = self._rows.head(branch) or row
        newest = self._rows.branches()[0].name
        return Around(
            head=head.record(self._rows.agent(branch)),
            later=tuple(self._rows.ids(branch, after=row.number)),
            done=_done(head),
            newest_branch=newest,
        )


def _done(row: Row) -> tuple[str, ...]:
    try:
        return steps_done(row.outline())
    except CorruptCheckpoint:
        return ()
