"""The protocols for what operations do to a store besides restoring: fork, prune and erase.

Each act names its operation and what it wrote or took away was chosen before; done again it finds
what is there and acts once. Whether a store offers one of them its ``capabilities`` say, with the
reason where it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from checkpoints.plans import Edit, ForkPlan, ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.base import ReadableStore


@runtime_checkable
class ForkableStore(ReadableStore, Protocol):
    """Can begin a new thread at a checkpoint."""

    def plan_fork(
        self,
        checkpoint: Checkpoint,
        *,
        thread_id: str,
        agent_id: str | None = None,
        edits: Sequence[Edit] = (),
    ) -> ForkPlan:
        """Say what a new thread ``thread_id`` at ``checkpoint`` would hold. Writes nothing.

        ``edits`` change the state that it begins with. Raises PlanRefused when the thread exists,
        when an edit cannot be made, or when the store cannot fork; CorruptCheckpoint when the
        checkpoint cannot be read.
        """
        ...

    def choose_fork_ids(self, plan: ForkPlan) -> tuple[str, ...]:
        """Choose the ids that the fork will write, one per target and in their order.

        Called once per operation; a redo passes the same ids again.
        """
        ...

    def fork(
        self,
        plan: ForkPlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
    ) -> Head:
        """Begin the new thread in one step and return its head.

        Done twice with the same ``operation_id`` it acts once, also after a run went on from it.
        Raises PlanRefused when another has made the thread, CorruptCheckpoint when a target's
        digest is not the plan's; then nothing is written.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashItem:
    """One thing out of another framework's store: what brings it back, byte for byte.

    ``key`` is given once within an operation; ``data`` holds whatever a journal entry may hold.
    """

    key: str
    checkpoint_id: str
    data: Mapping[str, object]


class Trash(Protocol):
    """Where rows and files of other frameworks' stores lie until their grace is over.

    Holdfast's own stores keep their trash themselves and need none.
    """

    def keep(self, operation_id: str, thread_id: str, items: Iterable[TrashItem]) -> None:
        """Keep items durably, then read them back; those that are there already stay.

        Raises StoreError when that cannot be promised; the caller then deletes nothing.
        """
        ...

    def items(self, operation_id: str, thread_id: str) -> list[TrashItem]:
        """Return what an operation put here out of a thread. Raises CorruptCheckpoint."""
        ...

    def drop(self, operation_id: str, thread_id: str, keys: Collection[str]) -> int:
        """Delete items for good; return how many there were."""
        ...

    def operations(self, thread_id: str) -> list[str]:
        """Return the operations of which something of a thread lies here."""
        ...


@runtime_checkable
class PrunableStore(ReadableStore, Protocol):
    """Can move checkpoints into the trash, bring them back, and delete them for good.

    ``trash`` is needed by stores of other frameworks and left alone by Holdfast's own.
    """

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return which checkpoints of a thread must stay whatever a policy says, and why.

        The head of each namespace, pins, and in stores of other frameworks branch points.
        """
        ...

    def needed_by(
        self, agent_id: str | None, thread_id: str, kept: Collection[str]
    ) -> dict[str, str]:
        """Return which other checkpoints those that are kept cannot be read without, and why.

        Raises PlanRefused or CorruptCheckpoint where it cannot be told; nothing of the thread may
        go then.
        """
        ...

    def remove(
        self, prune: ThreadPrune, *, operation_id: str, now: datetime, trash: Trash | None = None
    ) -> ThreadPruned:
        """Move what a plan dooms into the trash, in one step; what is there already counts.

        What has become a head, pinned or needed since, or is not what the plan saw, stays and is
        named with the reason. Raises StoreError, PlanRefused or CorruptCheckpoint with nothing
        moved. What is kept reads back as before.
        """
        ...

    def trashed(
        self,
        agent_id: str | None,
        thread_id: str,
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str | None]:
        """Return which of a thread's checkpoints lie in the trash, with their digests."""
        ...

    def put_back(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str]:
        """Bring checkpoints back out of the trash; those that are listed already are left alone.

        Returns which could not come back, and why.
        """
        ...

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
        ...


@runtime_checkable
class ErasableStore(ReadableStore, Protocol):
    """Can delete checkpoints for good at once, past the trash."""

    def erase_thread(
        self,
        erasure: ThreadErasure,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadErased:
        """Erase, also what of it lies in the trash, and read back that it is gone.

        Done again it finds what is gone already. What others cannot be read without stays and is
        named, as is what changed since. Raises StoreError or PlanRefused with nothing erased.
        """
        ...
