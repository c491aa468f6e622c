"""Saving into one thread: what happens around each checkpoint that a manager saves."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from checkpoints.errors import (
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
    PlanRefused,
    StoreError,
)
from checkpoints.forks import renew_in_children
from checkpoints.hooks import HookEvent, HookManager
from checkpoints.identifiers import new_id
from checkpoints.manager.asking import Asker
from checkpoints.manager.both import also_async
from checkpoints.manager.dashboard import (
    APPLIED,
    FAILED,
    Dashboard,
    is_restore,
    reporter_from_environment,
)
from checkpoints.manager.journal import Journal
from checkpoints.manager.place import Place, Standing
from checkpoints.manager.reading import ThreadReader
from checkpoints.manager.resumes import Resumes
from checkpoints.manager.runs import described
from checkpoints.manager.saving import AsyncSaving, BatchSaving, SyncSaving, UsualSaving
from checkpoints.manager.telling import Teller
from checkpoints.pruning import Pruner
from checkpoints.records import Checkpoint, Draft, Head, State
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.stores.heads import check_head
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
        own_stores: Sequence[Store],
    ) -> None:
        super().__init__(agent_id, thread_id, store, clock)
        self.run_id = run_id or new_id()
        self.hooks = hooks or HookManager()
        self._own_stores = own_stores
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
        self._teller = Teller(self.hooks, agent_id, thread_id, self.run_id, clock)
        self._asker = Asker(self.hooks, self._teller, self._journal)
        self._saving = self._saving_as(durability)
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds, and look where the head is."""
        self._lock = threading.RLock()
        self._depth = 0
        self._mid_save = False
        self._stands = Standing()
        self._batch: BatchSaving | None = None

    @also_async
    def flush(self) -> None:
        """Wait until everything is durable. Raises the error for which something is not.

        What an open batch has taken is left to its end.
        """
        self._saving.wait()
        with self.held(), self._doubting():
            outermost = self._depth == 1
            self._saving.check()
        if outermost:
            self._teller.tell()

    @also_async
    def close(self) -> None:
        """Make everything durable, deliver what waits for the dashboard, close what it opened."""
        with contextlib.ExitStack() as stack:
            for store in self._own_stores:
                stack.callback(store.close)
            stack.callback(self._dashboard.close)
            stack.callback(self._journal.close)
            stack.callback(self._pruner.close)
            stack.callback(self._teller.close)
            with self._doubting():
                self._saving.close()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other thread from saving through this manager; ``tell`` afterwards."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    def tell(self) -> None:
        """Call hooks for what was done while the manager was held."""
        self._teller.tell_soon()

    @contextlib.contextmanager
    def _acting(self) -> Iterator[None]:
        """Hold the manager, and call hooks once it is let go: they may save too."""
        with self.held():
            outermost = self._depth == 1
            yield
        if outermost:
            self.tell()

    def refuse_in_batch(self, what: str) -> None:
        """Raise PlanRefused while a batch is open: what it took is in no store yet."""
        if self._batch is not None:
            raise PlanRefused(f"{what} is not possible while a batch is open; nothing was changed")

    def move_head(self, ref: Checkpoint | str, *, reason: str) -> str | None:
        """Make a checkpoint the head and leave the agent's state alone; return the head before.

        Raises HeadMoved, CheckpointNotFound; then nothing was moved.
        """
        with self._acting():
            self.refuse_in_batch("moving the head")
            self.flush()
            self._look()
            record = self._own(ref)
            before = self._stands.now.head_id
            if record.id == before:
                check_head(self._stored_head(), before)
            else:
                self._set_head(record, expected=before, reason=reason)
        return before

    def get_head_id(self) -> str | None:
        """Return the head from which this manager goes on, once nothing is on its way to it."""
        with self._acting():
            self.flush()
            self._look()
            return self._stands.now.head_id

    def put_head_back(self, ref: Checkpoint | str, *, expected: str, reason: str) -> None:
        """Take a move back, unless it was not made or the head has moved on since."""
        with self._acting():
            head = self._stored_head()
            if head is not None and head.checkpoint_id == expected:
                self._set_head(self._own(ref), expected=expected, reason=reason)

    def _set_head(self, record: Checkpoint, *, expected: str | None, reason: str) -> None:
        head = self._store.set_head(record, expected=expected, now=self._clock(), reason=reason)
        self._stands.at(Place(head, record.step))
        self._pruner.look_again()
        note = {"previous_head": expected, "reason": reason}
        self._journal.note("restored", checkpoint_id=record.id, **note)

    def _settle(self) -> None:
        """Let what was saved be seen by what is read."""
        self._saving.wait()
        self._pruner.settle()

    def _settled_head(self) -> Head | None:
        """Return the stored head; where it seems moved, once no save is on its way there."""
        head = self._stored_head()
        if not self._stands.may_be_at(head.checkpoint_id if head else None):
            self.flush()
            head = self._stored_head()
        return head

    def _look(self, *, again: bool = False) -> None:
        """Learn where the head is: the first time, again, or when it is in doubt what was kept."""
        if again or not self._stands.known:
            head = self._stored_head()
            step = self._head_record(head.checkpoint_id).step if head else 0
            self._stands.at(Place(head, step))
            self._pruner.look_again()
        elif self._stands.in_doubt and self._batch is None:
            self._settle_doubt()

    def _settle_doubt(self) -> None:
        """Stand behind those saves that were kept although an error came back.

        While the store cannot tell, stand where the last is that is known to be kept: should a
        later one be the head, the next save raises HeadMoved, and the one after it looks again.
        """
        self._saving.wait()
        kept: list[Checkpoint] = []
        with contextlib.suppress(StoreError):
            head = self._stored_head()
            found = head.checkpoint_id if head else None
            while found is not None and self._stands.gave(found):
                kept.append(self._head_record(found))
                found = kept[-1].parent_id
            for record in reversed(kept):
                self._landed(record)
        self._stands.settle()

    def _carry_out_restores(self, *, ask: bool = False) -> None:
        """Move the stored head where an operator of a dashboard wants it.

        This manager stays where it is: like after any other operator's restore its next save
        raises HeadMoved, and ``resume`` goes on from there.
        """
        for given in self._dashboard.waiting(ask=ask):
            if is_restore(given.directive):
                try:
                    self._carry_out(given)
                except CheckpointError as error:
                    self._dashboard.acknowledge(given, FAILED, str(error))
                else:
                    self._dashboard.acknowledge(given, APPLIED)

    def _carry_out(self, given: IncomingDirective) -> None:
        record = self._own(str(given.directive.parameters.get("checkpoint_id")))
        self._store.load(record)
        head = self._stored_head()
        moved = self._store.set_head(
            record,
            expected=head.checkpoint_id if head else None,
            now=self._clock(),
            operation_id=given.id,
            reason=given.reason,
        )
        self._dashboard.saved(record, moved)

    def _head_record(self, head_id: str) -> Checkpoint:
        try:
            return self._store.get(head_id, thread_id=self.thread_id)
        except CheckpointNotFound as error:
            raise CorruptCheckpoint(
                f"the head {head_id} of {self.agent_id!r} is no longer listed in the store; run "
                "`holdfast verify` and restore another checkpoint",
                checkpoint_id=head_id,
            ) from error

    def _save(self, draft: Draft, state: State) -> Checkpoint:
        """Ask the hooks and save. Raises SaveVetoed and what the store raises."""
        with self._alone():
            draft, state = self._asker.asked(draft, state)
            with self._doubting():
                self._stands.give(draft.id)
                saving = self._batch or self._saving
                saved = saving.save(draft, state, expected_head=draft.parent_id)
                self._stands.now = self._stands.now.after(saved)
        return saved

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Refuse to save within a save, where one thread would wait for itself."""
        if self._mid_save:
            raise PlanRefused(
                "a save was asked for within another one, by a handler of a signal perhaps; "
                "nothing was saved. Let the handler raise SystemExit: run() saves then"
            )
        self._mid_save = True
        try:
            yield
        finally:
            self._mid_save = False

    @contextlib.contextmanager
    def _doubting(self) -> Iterator[None]:
        """After an error stand where this began; the next save looks what was kept."""
        before = self._stands.now
        try:
            yield
        except BaseException as error:
            if isinstance(error, CheckpointError) and before != self._stands.durable:
                self._journal.note("not_saved", error=described(error)["message"])
            self._stands.doubt(before)
            raise

    def _landed(self, saved: Checkpoint, *, soon: bool = True) -> None:
        """Do what follows once a checkpoint is durable."""
        context = self._stands.landed(saved)
        if "drift" in saved.metadata:
            self._drifted.add(saved.id)
        self._dashboard.saved(saved, self._stands.durable.head)
        self._resumes.succeeded()
        self._teller.later(HookEvent.AFTER_SAVE, saved, context, soon=soon)
        self._pruner.saved(saved, self._clock())

    def _saving_as(self, durability: Durability) -> UsualSaving:
        if durability == "sync":
            return SyncSaving(self._store, self._landed)
        if durability == "async":
            return AsyncSaving(self._store, functools.partial(self._landed, soon=False))
        raise ValueError(f'durability is "sync" or "async", not {durability!r}')

    def _begin_batch(self, owner: object) -> None:
        with self._acting():
            if self._batch is not None:
                raise ValueError("a batch of this manager is open already")
            self.flush()
            self._look()
            self._batch = BatchSaving(self._store, self._landed, owner)

    def _end_batch(self, owner: object) -> None:
        with self._acting():
            batch, self._batch = self._batch, None
            if batch is not None and batch.owner is owner:
                with self._alone(), self._doubting():
                    batch.end()

    def _drop_batch(self, owner: object) -> None:
        """Forget what an owner's batch holds, unless it has ended."""
        with self._acting():
            if self._batch is not None and self._batch.owner is owner:
                self._batch = None
                self._stands.settle()
