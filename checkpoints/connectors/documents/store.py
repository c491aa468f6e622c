"""A folder of documents that others write, as Holdfast reads it and acts on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from checkpoints.connectors.documents import erasing, pruning
from checkpoints.connectors.documents.catalog import Saved
from checkpoints.connectors.documents.copying import Copier, Order, WritableLayout
from checkpoints.connectors.documents.exempting import exempt
from checkpoints.connectors.documents.holdings import holdings
from checkpoints.connectors.documents.planning import fork_plan, restore_plan
from checkpoints.connectors.documents.pruning import Bin
from checkpoints.connectors.documents.reading import DocumentReading
from checkpoints.connectors.documents.threads import head_of
from checkpoints.plans import Edit, ForkPlan, ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Directive, Head, RestorePlan
from checkpoints.stores.operable import Trash


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class DocumentStore(DocumentReading):
    """Lists, reads, restores, forks, prunes and erases the checkpoints in a folder.

    A connector's subclass sets ``layout`` and says what is its framework's own: ``new_id``,
    ``new_thread``, ``require_free``, ``eraser``, and warnings before a restore and a fork.
    """

    layout: WritableLayout

    def __init__(self, path: Path, *, url: str, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__(path, url=url, clock=clock)
        self._copier = Copier(catalog=self._catalog, layout=self.layout)

    def new_id(self, agent_id: str, thread_id: str) -> str:
        """Choose the id of a copy that becomes the newest of a thread."""
        raise NotImplementedError

    def new_thread(self, origin: Saved, *, thread_id: str, agent_id: str | None) -> tuple[str, str]:
        """Return the agent and thread that a fork begins. Raises PlanRefused."""
        raise NotImplementedError

    def require_free(self, origin: Saved, agent_id: str, thread_id: str) -> None:
        """Raise PlanRefused where a fork of this name cannot be."""
        raise NotImplementedError

    def eraser(self, erasure: ThreadErasure, trash: Trash | None) -> erasing.Eraser:
        """Return what carries out an erasure."""
        raise NotImplementedError

    def restore_warnings(self, target: Saved) -> Sequence[str]:
        """Return what should be known before a restore."""
        return ()

    def fork_warnings(self, origin: Saved, agent_id: str, thread_id: str) -> Sequence[str]:
        """Return what should be known before a fork."""
        return ()

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what a restore would do now. Raises CorruptCheckpoint, PlanRefused."""
        saved, _ = self._part(checkpoint)
        self._require("restore")
        lineage = self._of(saved.record.agent_id, saved.record.thread_id)
        warnings = self.restore_warnings(saved)
        now = self.clock() + self.layout.tolerance
        return restore_plan(saved, lineage, now=now, warnings=warnings)

    def choose_ids(self, plan: RestorePlan) -> tuple[str, ...]:
        """Choose an id of the form that the framework gives its checkpoints."""
        return (self.new_id(plan.agent_id, plan.thread_id),)

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
        """Write a copy of the plan's checkpoint as its thread's newest.

        Raises HeadMoved, CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = Order(
            written_id=written_ids[0],
            operation_id=operation_id,
            reason=reason,
            now=now,
            latest=self._latest(now),
            directive=directive,
        )
        written = self._find(self._copier.restore(plan, order), plan.thread_id)
        return self._describe(written, self._of(plan.agent_id, plan.thread_id))

    def plan_fork(
        self,
        checkpoint: Checkpoint,
        *,
        thread_id: str,
        agent_id: str | None = None,
        edits: Sequence[Edit] = (),
    ) -> ForkPlan:
        """Say what a new thread at ``checkpoint`` would hold.

        Edits are tried: one that makes no sense is refused before anybody is asked to confirm it.
        Raises CorruptCheckpoint, PlanRefused.
        """
        saved, part = self._part(checkpoint)
        self._require("fork")
        agent, thread = self.new_thread(saved, thread_id=thread_id, agent_id=agent_id)
        self.require_free(saved, agent, thread)
        warnings = self.fork_warnings(saved, agent, thread)
        plan = fork_plan(saved, agent_id=agent, thread_id=thread, edits=edits, warnings=warnings)
        if edits:
            self.layout.edited(part, plan.edits)
        return plan

    def choose_fork_ids(self, plan: ForkPlan) -> tuple[str, ...]:
        """Choose an id of the form that the framework gives its checkpoints."""
        return (self.new_id(plan.new_agent_id, plan.new_thread_id),)

    def fork(
        self,
        plan: ForkPlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
    ) -> Head:
        """Write a copy of the plan's checkpoint as the first of a new thread; return its head.

        Raises CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = Order(
            written_id=written_ids[0],
            operation_id=operation_id,
            reason=reason,
            now=now,
            latest=self._latest(now),
        )
        origin = self._find(plan.targets[0].checkpoint_id, plan.thread_id)
        agent, thread = plan.new_agent_id, plan.new_thread_id
        name = self._copier.fork(plan, order, lambda: self.require_free(origin, agent, thread))
        lineage = self._of(agent, thread)
        return self._describe(head_of(lineage) or self._find(name, thread), lineage)

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return what must stay: the head, and what forks and restores began at."""
        return exempt(self._catalog.saved(), agent_id, thread_id)

    def needed_by(
        self, agent_id: str | None, thread_id: str, kept: Collection[str]
    ) -> dict[str, str]:
        """Return what lies in the same files as what stays: only whole files can go."""
        going = {item.record.id for item in self._of(agent_id, thread_id)} - set(kept)
        return holdings(self._catalog).inseparable(agent_id, going)

    def remove(
        self, prune: ThreadPrune, *, operation_id: str, now: datetime, trash: Trash | None = None
    ) -> ThreadPruned:
        """Move files into the trash, each in one step.

        Raises StoreError, PlanRefused or CorruptCheckpoint; each file is then where it was, in the
        trash, or both, and the same call goes on from there.
        """
        self._require("prune")
        kept = self._bin(trash, operation_id, prune.thread_id)
        removal = _Removal(
            catalog=self._catalog,
            prune=prune,
            bin=kept,
            keeps=lambda: self.exempt(prune.agent_id, prune.thread_id),
        )
        return removal.carry_out()

    def trashed(
        self,
        agent_id: str | None,
        thread_id: str,
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str | None]:
        """Return what an operation put into the trash, with the digests of the checkpoints."""
        taken = self._bin(trash, operation_id, thread_id).taken(agent_id)
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
        kept = self._bin(trash, operation_id, thread_id)
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
        return pruning.purge(self._bin(trash, operation_id, thread_id), agent_id, checkpoint_ids)

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
        return self.eraser(erasure, trash).carry_out(now)

    def copy_for_rehearsal(self, checkpoint: Checkpoint, folder: Path) -> Self:
        """Write the checkpoint's file and its head's into an empty folder, and open that."""
        saved, _ = self._part(checkpoint)
        head = head_of(self._of(saved.record.agent_id, saved.record.thread_id))
        for entry in {item.entry for item in (saved, head) if item is not None}:
            place = folder / entry.place
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self._catalog.folder.read(entry, self.layout.max_bytes))
        return self.opened_at(folder)

    def opened_at(self, folder: Path) -> Self:
        """Open another folder as this one is opened."""
        return type(self)(folder, url=self.url, clock=self.clock)

    def _latest(self, now: datetime) -> datetime:
        """Ids may have been chosen by the store's own clock, so its time counts beside ``now``."""
        return max(now, self.clock()) + self.layout.tolerance

    def _bin(self, trash: Trash | None, operation_id: str, thread_id: str) -> Bin:
        framework = self.layout.framework
        return pruning.required(trash, operation_id, thread_id, framework=framework)


@dataclass(slots=True, kw_only=True)
class _Removal(pruning.Removal):
    """The removal of one thread's checkpoints, while it is under way."""

    keeps: Callable[[], Mapping[str, str]]

    def exempt(self) -> Mapping[str, str]:
        """Return what must stay as the folder is now, and why."""
        return self.keeps()
