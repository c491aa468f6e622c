"""Saving into one thread: what happens around each checkpoint that a manager saves."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from checkpoints.drift import DriftReport
from checkpoints.errors import CheckpointError, CheckpointNotFound, CorruptCheckpoint
from checkpoints.forks import renew_in_children
from checkpoints.hooks import HookContext, HookEvent, HookManager, Outcome
from checkpoints.identifiers import new_id
from checkpoints.manager.both import also_async
from checkpoints.manager.dashboard import APPLIED, FAILED, Dashboard, reporter_from_environment
from checkpoints.manager.journal import Journal
from checkpoints.manager.place import Place
from checkpoints.manager.reading import ThreadReader
from checkpoints.manager.resumes import Resumes
from checkpoints.manager.saving import AsyncSaving, BatchSaving, Saving, SyncSaving
from checkpoints.pruning import Pruner
from checkpoints.records import Checkpoint, Draft, Head, State, Strategy
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.stores.urls import absolute_url

if TYPE_CHECKING:
    from checkpoints.reporting import Reporter
    from checkpoints.reporting.inbox import IncomingDirective

Durability = Literal["sync", "async"]


class ThreadWriter(ThreadReader):
    """Keeps the place in a thread, and saves there with hooks, reports and retention."""

    def __init__(
        self,
        agent_id: str,
        thread_id: str,
        store: Store,
        clock: Callable[[], datetime],
        *,
        run_id: str | None,
        hooks: HookManager | None,
        durability: Durability,
        policy: RetentionPolicy | None,
        reporter: Reporter | None,
        owns_store: bool,
    ) -> None:
        super().__init__(agent_id, thread_id, store, clock)
        self.run_id = run_id or new_id()
        self.hooks = hooks or HookManager()
        self._owns_store = owns_store
        self._reporter = reporter or reporter_from_environment()
        self._dashboard = Dashboard(
            self._reporter,
            store_url=absolute_url(store.url),
            agent_id=agent_id,
            thread_id=thread_id,
            run_id=self.run_id,
        )
        self._pruner = Pruner(store, policy)
        self._journal = Journal(store, agent_id, thread_id, clock)
        self._resumes = Resumes(self._journal, self.run_id, self._dashboard)
        self._saving = self._usual_saving = self._saving_as(durability)
        self._place = self._durable = Place()
        self._looked = False
        self._untold: deque[Checkpoint] = deque()
        self._lock = threading.RLock()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds, and look where the head is."""
        self._lock = threading.RLock()
        self._looked = False

    @also_async
    def flush(self) -> None:
        """Wait until everything is durable. Raises the error for which something is not."""
        with self._lock, self._resetting():
            self._saving.flush()
        self._tell()

    @also_async
    def close(self) -> None:
        """Make everything durable, deliver what waits for the dashboard, let go of the store."""
        with contextlib.ExitStack() as stack:
            if self._owns_store:
                stack.callback(self._store.close)
            stack.callback(self._dashboard.close)
            stack.callback(self._journal.close)
            stack.callback(self._pruner.close)
            stack.callback(self._tell)
            self._saving.close()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other thread from saving through this manager."""
        with self._lock:
            yield

    def move_head(self, ref: Checkpoint | str, *, reason: str) -> str | None:
        """Make a checkpoint the head and leave the agent's state alone; return the head before.

        Raises HeadMoved, CheckpointNotFound; then nothing was moved.
        """
        with self._lock:
            self.flush()
            self._look()
            record = self._own(ref)
            before = self._place.head_id
            if record.id != before:
                now = self._clock()
                head = self._store.set_head(record, expected=before, now=now, reason=reason)
                self._place = self._durable = Place(head, record.step)
                self._pruner.look_again()
                note = {"previous_head": before, "reason": reason}
                self._journal.note("restored", checkpoint_id=record.id, **note)
        return before

    def _settle(self) -> None:
        """Let what was saved be seen by what is read."""
        if self._saving is self._usual_saving:
            self.flush()
            self._pruner.settle()

    def _settled_head(self) -> Head | None:
        """Return the stored head; where it seems moved, once no save is on its way there."""
        head = self._stored_head()
        if (head.checkpoint_id if head else None) != self._durable.head_id:
            self.flush()
            head = self._stored_head()
        return head

    def _look(self, *, again: bool = False) -> None:
        """Learn where the head is, the first time or again."""
        if self._looked and not again:
            return
        head = self._stored_head()
        step = self._head_record(head.checkpoint_id).step if head else 0
        self._place = self._durable = Place(head, step)
        self._looked = True
        self._pruner.look_again()

    def _carry_out_restores(self, *, ask: bool = False) -> None:
        """Move the stored head where an operator of a dashboard wants it.

        This manager stays where it is: like after any other operator's restore its next save
        raises HeadMoved, and ``resume`` goes on from there.
        """
        for given in self._dashboard.waiting(ask=ask):
            if given.directive.strategy is Strategy.RESTORE_CHECKPOINT:
                try:
                    self._carry_out(given)
                except CheckpointError as error:
                    self._dashboard.acknowledge(given, FAILED, str(error))
                else:
                    self._dashboard.acknowledge(given, APPLIED)

    def _carry_out(self, given: IncomingDirective) -> None:
        record = self._own(str(given.directive.parameters["checkpoint_id"]))
        self._store.load(record)
        head = self._stored_head()
        self._store.set_head(
            record,
            expected=head.checkpoint_id if head else None,
            now=self._clock(),
            operation_id=given.id,
            reason=given.reason,
        )

    def _head_record(self, head_id: str) -> Checkpoint:
        try:
            return self._store.get(head_id, thread_id=self.thread_id)
        except CheckpointNotFound as error:
            raise CorruptCheckpoint(
                f"the head {head_id} of {self.agent_id!r} is no longer listed in the store; run "
                "`holdfast verify` and restore another checkpoint",
                checkpoint_id=head_id,
            ) from error

    def _head_state(self) -> dict[str, Any]:
        """Return the state of the head, empty for a fresh thread."""
        head_id = self._place.head_id
        return self._store.load(self._head_record(head_id)) if head_id else {}

    def _save(self, draft: Draft, state: State) -> Checkpoint:
        """Ask the hooks and save. Raises SaveVetoed and what the store raises."""
        draft, state = self._asked(draft, state)
        with self._resetting():
            saved = self._saving.save(draft, state, expected_head=self._place.head_id)
        self._place = self._place.after(saved)
        return saved

    def _asked(self, draft: Draft, state: State) -> tuple[Draft, State]:
        """Return what the hooks leave of a save. Raises SaveVetoed."""
        if not self.hooks.wanted(HookEvent.BEFORE_SAVE):
            return draft, state
        outcome = self._call_hooks(HookEvent.BEFORE_SAVE, about=draft, state=state)
        if outcome.veto is not None:
            self._journal.note("vetoed", by=outcome.vetoed_by, reason=outcome.veto)
        outcome.raise_veto()
        if outcome.state is None or not outcome.changed_by:
            return draft, state
        metadata = {**draft.metadata, "changed_by": list(outcome.changed_by)}
        return replace(draft, metadata=metadata), outcome.state

    @contextlib.contextmanager
    def _resetting(self) -> Iterator[None]:
        """Stand where the last durable checkpoint is when a later one could not be kept."""
        try:
            yield
        except CheckpointError as error:
            if self._place != self._durable:
                self._journal.note("not_saved", error=str(error))
                self._place = self._durable
            raise

    def _landed(self, saved: Checkpoint) -> None:
        """Do what follows once a checkpoint is durable."""
        self._durable = self._durable.after(saved)
        if "drift" in saved.metadata:
            self._drifted.add(saved.id)
        self._dashboard.saved(saved, self._durable.head)
        self._resumes.succeeded()
        self._untold.append(saved)
        self._pruner.saved(saved, self._clock())

    def _tell(self) -> None:
        """Call the hooks for what was saved; not under the lock, so that they may save too."""
        while self._untold:
            saved = self._untold.popleft()
            self._call_hooks(HookEvent.AFTER_SAVE, about=saved, checkpoint=saved)

    def _call_hooks(
        self,
        event: HookEvent,
        *,
        about: Draft | Checkpoint | None = None,
        state: State | None = None,
        checkpoint: Checkpoint | None = None,
        error: BaseException | None = None,
        drift: DriftReport | None = None,
    ) -> Outcome:
        if not self.hooks.wanted(event):
            return Outcome(state=state)
        return self.hooks.run(
            HookContext(
                event=event,
                agent_id=self.agent_id,
                thread_id=self.thread_id,
                occurred_at=self._clock(),
                run_id=self.run_id,
                step=about.step if about else self._place.step,
                step_name=about.step_name if about else None,
                kind=about.kind if about else None,
                status=about.status if about else None,
                state=state,
                checkpoint=checkpoint,
                error=error,
                drift=drift,
            )
        )

    def _saving_as(self, durability: Durability) -> Saving:
        if durability == "sync":
            return SyncSaving(self._store, self._landed)
        if durability == "async":
            return AsyncSaving(self._store, self._landed_later)
        raise ValueError(f'durability is "sync" or "async", not {durability!r}')

    def _landed_later(self, saved: Checkpoint) -> None:
        self._landed(saved)
        self._tell()

    def _begin_batch(self) -> None:
        with self._lock:
            if self._saving is not self._usual_saving:
                raise ValueError("a batch of this manager is open already")
            self.flush()
            self._saving = BatchSaving(self._store, self._landed)

    def _end_batch(self, *, keep: bool) -> None:
        with self._lock:
            saving, self._saving = self._saving, self._usual_saving
            if keep:
                with self._resetting():
                    saving.flush()
            else:
                self._place = self._durable
        self._tell()
