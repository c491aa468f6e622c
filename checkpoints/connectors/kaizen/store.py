"""The folder that Kaizen's FilesystemStorage writes, as Holdfast reads it and acts on it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from checkpoints.connectors.kaizen import pruning
from checkpoints.connectors.kaizen import threads as lineages
from checkpoints.connectors.kaizen.encryption import Keys
from checkpoints.connectors.kaizen.erasing import Eraser
from checkpoints.connectors.kaizen.forking import ForkOrder, fork, make_fork_plan, named_agent
from checkpoints.connectors.kaizen.planning import make_plan
from checkpoints.connectors.kaizen.reading import KaizenReading
from checkpoints.connectors.kaizen.rehearsing import RESTAMPED, copy_files
from checkpoints.connectors.kaizen.restoring import Order, restore
from checkpoints.connectors.kaizen.states import THREAD
from checkpoints.plans import Edit, ForkPlan, ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Directive, Head, RestorePlan, RestoreTarget
from checkpoints.stores.operable import Trash


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class KaizenStore(KaizenReading):
    """Lists, reads, restores, forks, prunes and erases the checkpoints in a folder of Kaizen's.

    ``agent`` names the agent whose states all say ``autonomous_agent``; unless given, the folder
    names it. Raises PermanentStoreError when ``path`` is not a folder. ``clock`` gives the present
    time. ``keys`` open files that Kaizen encrypted, and encrypt those that are written beside them.
    """

    restamped_fields = RESTAMPED

    def __init__(
        self,
        path: Path,
        *,
        url: str | None = None,
        agent: str | None = None,
        clock: Callable[[], datetime] = utc_now,
        keys: Keys | None = None,
    ) -> None:
        super().__init__(path, url=url, agent=agent, clock=clock, keys=keys or Keys())

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what a restore would do now. Raises CorruptCheckpoint, PlanRefused."""
        everything = self._catalog.saved()
        saved = self._find(checkpoint.id)
        self._line(checkpoint)
        self._require("restore")
        return make_plan(saved, everything, self.clock())

    def choose_ids(self, plan: RestorePlan) -> tuple[str, ...]:
        """Choose an id of the form that Kaizen gives its checkpoints."""
        return _new_ids(plan.targets)

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
        """Write a copy of the plan's checkpoint as the agent's newest.

        Raises HeadMoved, CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = Order(
            plan=plan,
            written_id=written_ids[0],
            operation_id=operation_id,
            reason=reason,
            now=now,
            directive=directive,
        )
        written = self._find(restore(self._catalog, order))
        return self._describe(written, self._of(plan.agent_id, THREAD))

    def copy_for_rehearsal(self, checkpoint: Checkpoint, folder: Path) -> KaizenStore:
        """Copy the checkpoint's file and the head's into an empty folder, and open that.

        Raises CorruptCheckpoint, CheckpointNotFound or StoreError.
        """
        saved = self._find(checkpoint.id)
        self._line(checkpoint)
        copy_files(self._catalog, saved, folder)
        agent, keys = self._catalog.agent, self._catalog.keys
        return KaizenStore(folder, agent=agent, clock=self.clock, keys=keys)

    def plan_fork(
        self,
        checkpoint: Checkpoint,
        *,
        thread_id: str,
        agent_id: str | None = None,
        edits: Sequence[Edit] = (),
    ) -> ForkPlan:
        """Say what a new agent at ``checkpoint`` would hold. Raises CorruptCheckpoint, PlanRefused.

        Each agent has one thread: another name than ``main`` for the thread is the new agent's.
        """
        saved = self._find(checkpoint.id)
        self._line(checkpoint)
        self._require("fork")
        name = named_agent(saved, thread_id=thread_id, agent_id=agent_id)
        return make_fork_plan(self._catalog, saved, agent_id=name, edits=edits)

    def choose_fork_ids(self, plan: ForkPlan) -> tuple[str, ...]:
        """Choose an id of the form that Kaizen gives its checkpoints."""
        return _new_ids(plan.targets)

    def fork(
        self,
        plan: ForkPlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
    ) -> Head:
        """Write a copy of the plan's checkpoint as the first of a new agent; return its head.

        Raises CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = ForkOrder(
            plan=plan,
            written_id=written_ids[0],
            operation_id=operation_id,
            reason=reason,
            now=now,
        )
        written = self._find(fork(self._catalog, order))
        lineage = self._of(plan.new_agent_id, THREAD)
        return self._describe(lineages.head_of(lineage) or written, lineage)

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return what must stay: heads, what forks began at, and what is encrypted."""
        return pruning.exempt(self._catalog.saved(), agent_id) if thread_id == THREAD else {}

    def needed_by(
        self, agent_id: str | None, thread_id: str, kept: Collection[str]
    ) -> dict[str, str]:
        """Return what lies in the same files as what stays: only whole files can go."""
        thread = self._of(agent_id, thread_id)
        return pruning.needed_by(self._catalog, agent_id, kept, thread)

    def remove(
        self, prune: ThreadPrune, *, operation_id: str, now: datetime, trash: Trash | None = None
    ) -> ThreadPruned:
        """Move files into the trash, each in one step.

        Raises StoreError, PlanRefused or CorruptCheckpoint; each file is then where it was, in the
        trash, or both, and the same call goes on from there.
        """
        self._require("prune")
        kept = pruning.required(trash, operation_id)
        return pruning.Removal(catalog=self._catalog, prune=prune, bin=kept).carry_out()

    def trashed(
        self,
        agent_id: str | None,
        thread_id: str,
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str | None]:
        """Return what an operation put into the trash, with the digests of the states."""
        taken = pruning.required(trash, operation_id).taken(agent_id)
        return {name: digest for item in taken for name, digest in item.digests.items()}

    def put_back(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str]:
        """Bring files back as they were: name, bytes, permissions and times; none is replaced."""
        kept = pruning.required(trash, operation_id)
        return pruning.put_back(self._catalog, kept, agent_id, checkpoint_ids)

    def purge(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> int:
        """Delete for good what lies in the trash under these ids; return the bytes freed."""
        return pruning.purge(pruning.required(trash, operation_id), agent_id, checkpoint_ids)

    def erase_thread(
        self,
        erasure: ThreadErasure,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadErased:
        """Delete files for good, what interrupted saves left of them, and their trash.

        Raises StoreError or PlanRefused; what is gone by then stays gone, and the same call goes
        on from there.
        """
        self._require("erase")
        return Eraser(catalog=self._catalog, erasure=erasure, trash=trash).carry_out(now)


def _new_ids(targets: Sequence[RestoreTarget]) -> tuple[str, ...]:
    return tuple(f"ckpt_{secrets.token_hex(6)}" for _ in targets)
