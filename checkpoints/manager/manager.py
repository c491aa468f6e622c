"""An agent's face: save, resume, restore, keep what matters, notice drift."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypedDict, Unpack

from checkpoints.errors import CorruptCheckpoint, HeadMoved, SaveVetoed, TransientStoreError
from checkpoints.hooks import HookManager
from checkpoints.identifiers import new_id
from checkpoints.lineage import fork as fork_thread
from checkpoints.manager.arguments import check_arguments
from checkpoints.manager.both import AlsoAsync, also_async
from checkpoints.manager.drift_watch import DriftWatch
from checkpoints.manager.effects import Effects
from checkpoints.manager.opening import opened, own
from checkpoints.manager.remembering import Remembering
from checkpoints.manager.returning import Returning
from checkpoints.manager.runs import Batch, Operation, Run, described, ending
from checkpoints.manager.schema import Migration, Schema
from checkpoints.manager.state import Apply, Capture
from checkpoints.manager.timing import Timing
from checkpoints.pruning import Pruner
from checkpoints.records import Checkpoint, Draft, Kind, State, Status
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.triggers import Trigger

if TYPE_CHECKING:
    from checkpoints.drift.watching import AgentDetector
    from checkpoints.reporting import Reporter

logger = logging.getLogger("checkpoints")


class Facts(TypedDict, total=False):
    """What a checkpoint may say of itself; see ``CheckpointManager.create_checkpoint``."""

    step: int | None
    step_name: str | None
    iteration: int | None
    metrics: Mapping[str, float] | None


class Details(Facts, total=False):
    """The same, and anything else as JSON types."""

    metadata: Mapping[str, Any] | None


class CheckpointManager(Returning, DriftWatch, Remembering, AlsoAsync):
    """Saves and restores one thread of one agent.

    ``store`` is a store, a store URL, or None for ``HOLDFAST_STORE`` and else
    ``.holdfast/holdfast.db`` under the working directory. ``capture`` returns the agent's state,
    ``apply`` puts one back; without them the state is the dict ``manager.state``.

    ``checkpoint_frequency`` (steps), ``checkpoint_interval`` (seconds) and ``refresh_after``
    (seconds of uptime) say when ``checkpoint_if_due`` saves. ``retention`` or ``retention_count``
    (the newest N of the thread) say what is kept; everything is by default. ``hooks`` are called
    around saves. ``durability="async"`` returns before a save is durable; ``flush`` waits for it.
    ``schema_version`` marks states, ``migrations`` brings older ones up to it. ``drift`` is a
    detector whose sensitivities ``detect_drift`` looks with. Records go to a dashboard when
    HOLDFAST_DASHBOARD_URL and HOLDFAST_TOKEN are set, or to ``reporter``. ``clock`` and
    ``monotonic`` replace the clocks, for tests.

    One manager belongs to one running agent: a second writer to the same thread, or an operator's
    restore, moves the head, and the next save here raises HeadMoved with nothing written;
    ``resume()`` then goes on from where the head is.

    Methods block; from asyncio write ``await manager.resume.aio()`` and ``async with``.
    """

    default_retention: ClassVar[RetentionPolicy | None] = None

    def __init__(
        self,
        agent_id: str,
        *,
        store: Store | str | None = None,
        thread: str = "main",
        run_id: str | None = None,
        capture: Capture | None = None,
        apply: Apply | None = None,
        checkpoint_frequency: int | None = None,
        checkpoint_interval: float | None = None,
        refresh_after: float | None = None,
        retention: RetentionPolicy | None = None,
        retention_count: int | None = None,
        hooks: HookManager | None = None,
        durability: Literal["sync", "async"] = "sync",
        schema_version: int | None = None,
        migrations: Mapping[int, Migration] | None = None,
        drift: AgentDetector | None = None,
        reporter: Reporter | None = None,
        clock: Callable[[], datetime] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        check_arguments(agent_id, thread, hooks, capture, apply)
        used, own_stores = self._opened(store)
        super().__init__(
            agent_id,
            thread,
            used,
            clock or _utc_now,
            run_id=run_id,
            hooks=hooks,
            durability=durability,
            policy=self._policy(retention, retention_count),
            reporter=reporter,
            own_stores=own_stores,
        )
        self._hold_state(
            capture, apply, Schema(version=schema_version, migrations=migrations or {})
        )
        self._watch_with(drift)
        self._timing = Timing(
            Trigger(every_steps=checkpoint_frequency, every_seconds=checkpoint_interval),
            refresh=Trigger(every_seconds=refresh_after),
            monotonic=monotonic or time.monotonic,
        )
        self._effects = Effects(self._store, agent_id, thread, self._new_effect)

    # -- saving -------------------------------------------------------------------------------

    @also_async
    def create_checkpoint(
        self,
        kind: Kind | str = Kind.ROUTINE,
        state: State | None = None,
        *,
        step: int | None = None,
        step_name: str | None = None,
        iteration: int | None = None,
        status: Status | str = Status.RUNNING,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Checkpoint:
        """Save the state and make it the head; durably before returning, unless told otherwise.

        ``step`` counts up from the head's unless given. Raises HeadMoved when another writer or a
        restore moved the head, UnsupportedState for a value that cannot be kept or a capture that
        returned no mapping, SaveVetoed when a hook forbids it, StoreError when the store fails; in
        each case nothing was saved. With ``durability="async"`` errors of the store come from a
        later save or ``flush``, and the record's ``stored_size`` and ``sha256`` are not known yet.
        """
        with self._acting():
            given = self.captured_state() if state is None else state
            self._look()
            self._carry_out_restores()
            stands = self._stands.now
            draft = Draft(
                id=new_id(),
                agent_id=self.agent_id,
                thread_id=self.thread_id,
                step=stands.step + 1 if step is None else step,
                created_at=self._clock(),
                parent_id=stands.head_id,
                run_id=self.run_id,
                step_name=step_name,
                iteration=iteration,
                kind=Kind(kind),
                status=Status(status),
                metrics=dict(metrics or {}),
                metadata={**(metadata or {}), **self._marks()},
            )
            saved = self._save(draft, given)
            self._timing.saved()
        return saved

    @property
    def has_trigger(self) -> bool:
        """Whether steps or seconds were given after which ``checkpoint_if_due`` saves."""
        return self._timing.saves

    def should_checkpoint(self) -> bool:
        """Return whether ``checkpoint_if_due`` would save after one more step."""
        return self._timing.due(after=1)

    @also_async
    def checkpoint_if_due(
        self,
        kind: Kind | str = Kind.ROUTINE,
        state: State | None = None,
        **details: Unpack[Details],
    ) -> Checkpoint | None:
        """Count one step, and save when enough steps or seconds have passed since the last save.

        After ``refresh_after`` seconds of uptime it is a recovery checkpoint, and it is read back.
        """
        with self._acting():
            self._timing.step()
            if self._timing.refresh_due() and self._batch is None:
                return self._refresh(state, details)
            if self._timing.due():
                return self.create_checkpoint(kind, state, **details)
        return None

    @also_async
    def complete(self, state: State | None = None, **details: Unpack[Details]) -> Checkpoint:
        """Save the final checkpoint of a run that did what it should; durable when it returns."""
        saved = self.create_checkpoint(Kind.ROUTINE, state, status=Status.COMPLETED, **details)
        self.flush()
        return saved

    @also_async
    def fail(
        self,
        error: BaseException,
        *,
        metadata: Mapping[str, Any] | None = None,
        **facts: Unpack[Facts],
    ) -> Checkpoint:
        """Save how a run ended: failed, or interrupted when it was stopped from outside.

        A state that cannot be saved is left out: the one of the head is saved again, and the
        metadata say why. Raises what else keeps it from being saved.
        """
        kind, status = ending(error)
        more: dict[str, Any] = {"error": described(error), **(metadata or {})}
        try:
            saved = self.create_checkpoint(kind, None, status=status, metadata=more, **facts)
        except (HeadMoved, CorruptCheckpoint, SaveVetoed, TransientStoreError):
            raise
        except Exception as ours:  # noqa: BLE001 - the agent's capture may raise anything
            more["state_of_before"] = ": ".join(described(ours).values())
            state = self._state_of_head()
            saved = self.create_checkpoint(kind, state, status=status, metadata=more, **facts)
        self._dashboard.failed(error, saved)
        self.flush()
        return saved

    def batch(self) -> Batch:
        """Save what the block saves together at its end: all of it, or nothing when it raises.

        ``with manager.batch(): …``; one flush of the disk where the store can.
        """
        return Batch(self._begin_batch, self._end_batch, self._drop_batch)

    def run(self, *, resume: bool = True) -> Run:
        """Resume now, and save how the block ends: completed, failed or interrupted."""
        return Run(resume=self.resume if resume else None, complete=self.complete, fail=self.fail)

    def operation(self, name: str) -> Operation:
        """Save a pre_operation checkpoint; it is kept until the block has succeeded.

        Then it goes with the next save; an operation that raised leaves it to be restored.
        """
        return Operation(lambda: self._before_operation(name), self._after_operation)

    # -- threads ------------------------------------------------------------------------------

    @also_async
    def fork(self, ref: Checkpoint | str, thread: str) -> CheckpointManager:
        """Begin a new thread at a checkpoint, and return a manager for it.

        It has the same store, capture and hooks; effects that this thread has done count as done
        there too. Raises PlanRefused when the thread exists.
        """
        fork_thread(self._store, self._own(ref), thread_id=thread, now=self._clock())
        return CheckpointManager(
            self.agent_id,
            store=self._store,
            thread=thread,
            capture=self._capture,
            apply=self._apply,
            hooks=self.hooks,
            schema_version=self._schema.version,
            migrations=self._schema.migrations,
            drift=self._pattern,
            reporter=self._reporter,
            clock=self._clock,
        )

    # -- the end ------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except Exception as ours:  # noqa: BLE001 - it would mask the agent's
            logger.error("the manager was not closed well (%s); the agent's error follows", ours)

    # -- within -------------------------------------------------------------------------------

    def _opened(self, store: Store | str | None) -> tuple[Store, list[Store]]:
        """Return the store to use, and those that are closed with this manager."""
        found = opened(store)
        return found, own((store, found))

    def _policy(
        self, retention: RetentionPolicy | None, count: int | None
    ) -> RetentionPolicy | None:
        if count is None:
            return retention or self.default_retention
        if retention is not None:
            raise ValueError("give retention or retention_count, not both")
        return RetentionPolicy.keep_last(count)

    def _marks(self) -> dict[str, Any]:
        drift = {"drift": str(self._drift)} if self._drift else {}
        return {**self._schema.mark(), **self._stands.now.mark(), **drift}

    def _before_operation(self, name: str) -> Checkpoint:
        """Save what an operation can be undone to, and keep it while the operation runs."""
        with self._acting():
            if self._pruner.idle:
                self._pruner = Pruner(self._store, RetentionPolicy())
            saved = self.create_checkpoint(Kind.PRE_OPERATION, step_name=name)
            self._pruner.hold(saved.id)
        self.flush()
        return saved

    def _after_operation(self, before: Checkpoint) -> None:
        """Let it go: the operation has succeeded."""
        self._pruner.release(before.id)

    def _refresh(self, state: State | None, details: Details) -> Checkpoint:
        """Save a recovery checkpoint and read it back, so that a long run can be trusted."""
        saved = self.create_checkpoint(Kind.RECOVERY, state, **details)
        self.flush()
        self.load(saved)
        self._timing.refreshed()
        self._journal.note("refreshed", checkpoint_id=saved.id)
        return saved


def _utc_now() -> datetime:
    return datetime.now(UTC)
