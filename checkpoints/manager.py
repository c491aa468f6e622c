"""An agent's face: save, resume, restore, keep what matters, notice drift."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Self

from checkpoints.drift import DriftReport, Sign, metric_signs, state_signs
from checkpoints.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    PermanentStoreError,
)
from checkpoints.forks import renew_in_children
from checkpoints.identifiers import new_id
from checkpoints.pruning import Pruner
from checkpoints.records import (
    Checkpoint,
    Directive,
    Draft,
    Head,
    Kind,
    Pin,
    State,
    Status,
)
from checkpoints.reporting import Reporter
from checkpoints.retention import SEED_POLICY, RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.stores.heads import ancestors
from checkpoints.stores.urls import absolute_url, open_store

logger = logging.getLogger("checkpoints")

DEFAULT_STORE = "sqlite:///.holdfast/holdfast.db"
DRIFT_WINDOW = 50
"""Checkpoints of the head's lineage whose metrics are looked at for drift."""
DRIFT_STATES = 5
"""Checkpoints whose states are looked at for drift."""

Capture = Callable[[], State]
Apply = Callable[[dict[str, Any]], object]


class CheckpointManager:
    """Saves and restores one thread of one agent.

    ``store`` is a store, a store URL, or None for ``HOLDFAST_STORE`` and else
    ``.holdfast/holdfast.db`` under the working directory. ``capture`` returns the agent's state,
    ``apply`` puts one back; without them the state is the dict ``manager.state``. ``retention``
    is None to keep everything. Records go to a dashboard when HOLDFAST_DASHBOARD_URL and
    HOLDFAST_TOKEN are set, or to ``reporter``.

    One manager belongs to one running agent: a second writer to the same thread, or an operator's
    restore, moves the head, and the next save here raises HeadMoved with nothing written;
    ``resume()`` then goes on from where the head is.
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
        retention: RetentionPolicy | None = None,
        reporter: Reporter | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.agent_id = agent_id
        self.thread_id = thread
        self.run_id = run_id or new_id()
        self.state: dict[str, Any] = {}
        self.directive: Directive | None = None
        self._owns_store = store is None or isinstance(store, str)
        self._store = _opened(store)
        self._capture = capture
        self._apply = apply
        self._pruner = Pruner(self._store, retention or self.default_retention)
        self._reporter = reporter or Reporter.from_environment()
        self._clock = clock or _utc_now
        self._lock = threading.RLock()
        renew_in_children(self)
        self._url = absolute_url(self._store.url)
        self._head: Head | None = None
        self._step = 0
        self._looked = False
        self._drifted: set[str] = set()
        self._drift = DriftReport()

    @property
    def store(self) -> Store:
        """The store that this manager saves into."""
        return self._store

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
        """Save the state durably and make it the head, before returning.

        ``step`` counts up from the head's unless given. Raises HeadMoved when another writer or a
        restore moved the head, UnsupportedState for a value that cannot be kept, StoreError when
        the store fails; in each case nothing was saved.
        """
        with self._lock:
            self._look()
            draft = Draft(
                id=new_id(),
                agent_id=self.agent_id,
                thread_id=self.thread_id,
                step=self._step + 1 if step is None else step,
                created_at=self._clock(),
                parent_id=self._head_id,
                run_id=self.run_id,
                step_name=step_name,
                iteration=iteration,
                kind=Kind(kind),
                status=Status(status),
                metrics=dict(metrics or {}),
                metadata={
                    **({"drift": str(self._drift)} if self._drift else {}),
                    **(metadata or {}),
                },
            )
            saved = self._store.put(
                draft,
                self._captured() if state is None else state,
                expected_head=self._head_id,
            )
            self._head = self._head_after(saved)
            self._step = saved.step
            if self._drift:
                self._drifted.add(saved.id)
            self._report(saved)
            self._prune()
        return saved

    def resume(self) -> dict[str, Any] | None:
        """Load the head and go on from it; return its state, or None for a fresh thread.

        A directive that was left with the head stands in ``directive``; it is cleared once the
        state is back, so a process that dies before is given it again. Raises
        CorruptCheckpoint when the head cannot be read: an older state is never taken silently.
        """
        with self._lock:
            self._look(again=True)
            if self._head is None:
                return None
            record = self._head_record(self._head)
            state = self._store.load(record)
            self.directive = self._head.directive
            self._put_back(state)
            self._store.take_directive(self._head)
        return state

    def restore_checkpoint(self, ref: Checkpoint | str) -> dict[str, Any]:
        """Make an earlier checkpoint of this agent the head, put its state back and return it.

        What came after it stays as a branch. The head moves first; should ``apply`` raise then,
        ``resume()`` brings the same state again. Raises CheckpointNotFound for a checkpoint of
        another agent or thread, CorruptCheckpoint, HeadMoved.
        """
        with self._lock:
            self._look()
            record = self._own(str(ref))
            state = self._store.load(record)
            if record.id != self._head_id:
                self._head = self._store.set_head(
                    record,
                    expected=self._head_id,
                    now=self._clock(),
                    reason="restored by its agent",
                )
            self._step = record.step
            self._put_back(state)
            self._report(record)
        return state

    def get_latest_checkpoint(self, kind: Kind | str | None = None) -> Checkpoint | None:
        """Return the newest checkpoint (of a kind) that the head descends from.

        Those in which ``detect_drift`` found drift, or that were saved while it lasted, are passed
        over: going back to the newest of all would bring the drift back.
        """
        wanted = None if kind is None else Kind(kind)
        clean = (record for record in self._lineage() if record.id not in self._drifted)
        return next((record for record in clean if wanted in (None, record.kind)), None)

    def history(self, limit: int | None = None) -> list[Checkpoint]:
        """Return the thread's checkpoints, newest first, branches included."""
        try:
            return self._store.history(self.agent_id, self.thread_id, limit=limit)
        except CheckpointNotFound:
            return []

    def load(self, ref: Checkpoint | str) -> dict[str, Any]:
        """Return a checkpoint's state and change nothing."""
        return self._store.load(self._own(str(ref)))

    def fields(self, ref: Checkpoint | str) -> Mapping[str, Any]:
        """Return a checkpoint's state as a mapping that reads a field when it is asked for.

        Of a large state the other fields are not even unpacked.
        """
        return self._store.fields(self._own(str(ref)))

    def pin(self, ref: Checkpoint | str, reason: str) -> None:
        """Exempt a checkpoint from retention."""
        self._store.pin(self._own(str(ref)), reason=reason, now=self._clock())

    def unpin(self, ref: Checkpoint | str) -> None:
        """Take the exemption back."""
        self._store.unpin(self._own(str(ref)))

    def pins(self) -> list[Pin]:
        """Return the pins of the store."""
        return self._store.pins()

    @contextlib.contextmanager
    def operation(self, name: str) -> Iterator[Checkpoint]:
        """Save a pre_operation checkpoint; it is kept until the block has succeeded.

        As long as it is the head it stays; it goes with the next save then.
        """
        saved = self.create_checkpoint(Kind.PRE_OPERATION, step_name=name)
        yield saved
        with self._lock:
            self._pruner.release(saved.id)
            self._prune()

    def detect_drift(self) -> DriftReport:
        """Say whether the newest checkpoints show signs of drift; false when they do not.

        Override it and join the signs of ``super().detect_drift()`` with your own.
        """
        records = self._lineage()[:DRIFT_WINDOW][::-1]
        signs: list[Sign] = list(metric_signs([record.metrics for record in records]))
        try:
            states = [self._store.load(record) for record in records[-DRIFT_STATES:]]
        except CorruptCheckpoint as error:
            signs.append(Sign(kind="corruption", evidence=str(error)))
        else:
            signs.extend(state_signs(states))
        self._drift = DriftReport(signs=tuple(signs))
        if self._drift:
            self._drifted.add(records[-1].id)
        return self._drift

    def close(self) -> None:
        """Deliver what waits for the dashboard and let go of the store."""
        if self._reporter is not None:
            self._reporter.close()
        if self._owns_store:
            self._store.close()

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _get_operational_context(self) -> dict[str, Any]:
        """Return what the agent wants kept beside its state; override it."""
        return {}

    @property
    def _head_id(self) -> str | None:
        return self._head.checkpoint_id if self._head else None

    def _look(self, *, again: bool = False) -> None:
        """Learn where the head is, the first time or again."""
        if self._looked and not again:
            return
        self._head = self._store.head(self.agent_id, self.thread_id)
        record = self._head_record(self._head) if self._head else None
        self._step = record.step if record else 0
        self._looked = True

    def _head_record(self, head: Head) -> Checkpoint:
        try:
            return self._store.get(head.checkpoint_id, thread_id=self.thread_id)
        except CheckpointNotFound as error:
            raise CorruptCheckpoint(
                f"the head {head.checkpoint_id} of {self.agent_id!r} is no longer listed in the "
                "store; run `holdfast verify` and restore another checkpoint",
                checkpoint_id=head.checkpoint_id,
            ) from error

    def _captured(self) -> State:
        if self._capture is not None:
            return self._capture()
        context = self._get_operational_context()
        return {**self.state, "operational_context": context} if context else dict(self.state)

    def _head_after(self, saved: Checkpoint) -> Head:
        return Head(
            agent_id=self.agent_id,
            thread_id=self.thread_id,
            checkpoint_id=saved.id,
            version=self._head.version + 1 if self._head else 1,
            moved_at=saved.created_at,
        )

    def _put_back(self, state: dict[str, Any]) -> None:
        self.state = state
        self._drift = DriftReport()
        if self._apply is not None:
            self._apply(state)

    def _own(self, checkpoint_id: str) -> Checkpoint:
        record = self._store.get(checkpoint_id, thread_id=self.thread_id)
        if record.agent_id != self.agent_id:
            raise CheckpointNotFound(
                f"checkpoint {checkpoint_id!r} belongs to agent {record.agent_id!r}, "
                f"not to {self.agent_id!r}; nothing was changed"
            )
        return record

    def _lineage(self) -> list[Checkpoint]:
        """Return the head and what it descends from, newest first."""
        head = self._store.head(self.agent_id, self.thread_id)
        by_id = {record.id: record for record in self.history()}
        return list(ancestors(by_id, head.checkpoint_id if head else None))

    def _report(self, record: Checkpoint) -> None:
        if self._reporter is not None:
            self._reporter.report(self._url, record, self._head)

    def _prune(self) -> None:
        if not self._pruner.idle:
            self._pruner.prune(self.history(), self._head_id, self._clock())


class ResilientCheckpointManager(CheckpointManager):
    """``CheckpointManager`` with the retention that the Resilient Checkpoint System promises."""

    default_retention = SEED_POLICY


def _opened(store: Store | str | None) -> Store:
    if store is not None and not isinstance(store, str):
        return store
    url = store or os.environ.get("HOLDFAST_STORE") or DEFAULT_STORE
    opened = open_store(url)
    if not isinstance(opened, Store):
        raise PermanentStoreError(
            f"{url} is a store that another framework writes; agents save into sqlite:///, "
            "file:/// or memory://"
        )
    return opened


def _utc_now() -> datetime:
    return datetime.now(UTC)
