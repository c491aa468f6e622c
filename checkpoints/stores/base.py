"""The protocols that stores keep, from reading alone to everything.

``ReadableStore`` is what a connector to somebody else's store offers at least.
``RestorableStore`` can also make an earlier checkpoint the head, so that the framework which
writes the store resumes from it. ``Store`` is a store that an agent saves into.
``RepairableStore`` and ``DeepVerifiable`` are what a store may offer besides.
``checkpoints.testing`` publishes the suites that check each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from checkpoints.records import (
    Capabilities,
    Changes,
    Checkpoint,
    Directive,
    Draft,
    Finding,
    Head,
    JournalEntry,
    JournalName,
    Pin,
    Removal,
    RestorePlan,
    State,
    Thread,
)


@runtime_checkable
class ReadableStore(Protocol):
    """Lists and reads checkpoints. Safe on untrusted data: nothing found in it is ever run."""

    url: str

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do, with the reason for each thing that it cannot."""
        ...

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        ...

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints of every namespace, newest first, without states.

        ``agent_id=None`` fits any agent. Raises CheckpointNotFound for an unknown thread.
        """
        ...

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record. Raises CheckpointNotFound, or AmbiguousReference."""
        ...

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state. Raises CorruptCheckpoint rather than return a wrong one.

        In stores of other frameworks a value that only their code could rebuild comes as
        ``{"__type__": "module.Name", "value": …}``; no such code is imported or run.
        """
        ...

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        ...

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        ...

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor`` (``None``: from the beginning)."""
        ...

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@runtime_checkable
class RestorableStore(ReadableStore, Protocol):
    """Can make an earlier checkpoint the head without losing anything that came after it."""

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what restoring ``checkpoint`` would do now. Writes nothing.

        Raises CorruptCheckpoint when it cannot be read, PlanRefused when the store must not be
        written to.
        """
        ...

    def choose_ids(self, plan: RestorePlan) -> tuple[str, ...]:
        """Choose the ids that the restore will write, one per target; empty when it moves a head.

        Called once per operation; a redo passes the same ids again.
        """
        ...

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
        """Carry out the plan in one step and return the head afterwards.

        Done twice with the same ``operation_id`` it acts once. Raises HeadMoved when the head is
        not the plan's, CorruptCheckpoint when a target's digest is not; then nothing is written.
        """
        ...


@runtime_checkable
class Store(RestorableStore, Protocol):
    """A store that agents save into."""

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in one step, before returning.

        Raises HeadMoved when the thread's head is not ``expected_head`` (``None``: an empty
        thread), UnsupportedState for a value that cannot be kept; then nothing is written.
        Putting the same id with the same state again returns the first record.
        """
        ...

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        """Save a chain of one thread's checkpoints durably; the last becomes the head.

        The first follows ``expected_head``, each other the one before it. All of them are kept or
        none, where the store can; where it cannot, those that are kept are the first ones, and
        the same call again goes on behind them. Raises what ``put`` raises, and PlanRefused for
        drafts of several threads or of one id; then nothing is written. Those that were saved
        before are returned as they were saved first.
        """
        ...

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping that reads each field when it is asked for.

        Raises CorruptCheckpoint at once, or when a damaged field is asked for.
        """
        ...

    def set_head(
        self,
        checkpoint: Checkpoint,
        *,
        expected: str | None,
        now: datetime,
        operation_id: str | None = None,
        reason: str | None = None,
        directive: Directive | None = None,
    ) -> Head:
        """Move the head of the checkpoint's thread, if it still is ``expected``.

        An operation moves a head once: asked again with its ``operation_id``, however many moves
        came after it, this changes nothing and returns the head that it had made.
        """
        ...

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        ...

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention."""
        ...

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        ...

    def pins(self) -> list[Pin]:
        """Return all pins."""
        ...

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash.

        Raises PlanRefused, with nothing moved, when one is a head or pinned.
        """
        ...

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        ...

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed."""
        ...

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good, past the trash, heads and pinned ones too.

        Their pins and the thread's journal entries that name them go with them. Without
        ``checkpoint_ids`` the whole thread goes, with its head, trash and journal. A head that is
        erased moves to its nearest ancestor that is listed, else to the newest checkpoint that
        is, else the thread has none. What stays reads back as before. Only names and ids remain,
        so that ``changes`` can tell of the removals. Returns how many checkpoints went; ids that
        the thread has not got are passed over.
        """
        ...

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably, all or none; return how many of them are new.

        One whose key is there already is left as it is, or replaced with ``replace``. No thread
        or checkpoint needs to exist. Raises UnsupportedState for a value that cannot be kept;
        then nothing is written. ``changes`` tells nothing of entries.
        """
        ...

    def entries(
        self,
        agent_id: str,
        thread_id: str,
        *,
        kind: str,
        prefix: str = "",
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """Return a thread's entries of one kind in the order of their keys' UTF-8 bytes.

        Only those whose key begins with ``prefix``; of these the last ``limit``. Raises
        CorruptCheckpoint naming an entry that cannot be read.
        """
        ...

    def forget(self, agent_id: str, thread_id: str, *, kind: str, keys: Sequence[str]) -> int:
        """Delete journal entries for good; return how many there were."""
        ...

    def journals(
        self, agent_id: str | None = None, thread_id: str | None = None
    ) -> list[JournalName]:
        """Return which kinds of entries there are, of which threads; of any where none is named.

        In the order of agent, thread and kind.
        """
        ...


@runtime_checkable
class RepairableStore(Protocol):
    """A store that can be mended where something in it cannot be read."""

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept.

        Returns a finding for each thing moved. Never guesses: a head that loses its checkpoint
        is reported and left.
        """
        ...

    def rebuild(self, *, now: datetime) -> int:
        """Remake the listing (heads' index, counts, order) from the frames themselves.

        Returns how many checkpoints it lists.
        """
        ...


@runtime_checkable
class DeepVerifiable(Protocol):
    """A store that can also decode every state to verify it."""

    def verify_deep(self) -> Iterator[Finding]:
        """Like verify, and decode every state against its digest."""
        ...
