"""Rehearsing one restore: load, copy, restore on the copy, read back, compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from checkpoints.drills.copies import Copy, copied
from checkpoints.drills.scratch import scratch_folder
from checkpoints.drills.values import How, Limits, Outcome, Rehearsal
from checkpoints.errors import (
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
    PlanRefused,
    TransientStoreError,
    UnsupportedState,
)
from checkpoints.lineage import restore
from checkpoints.records import Checkpoint, Head
from checkpoints.sameness import same
from checkpoints.stores.base import ReadableStore, RestorableStore

_NOTHING: frozenset[str] = frozenset()


class _Ended(Exception):
    """Why a rehearsal cannot go on; without a ``finding`` that says nothing of the checkpoint."""

    def __init__(self, reason: str, finding: str = "") -> None:
        super().__init__(reason)
        self.finding = finding


def rehearse(
    store: ReadableStore,
    checkpoint: Checkpoint,
    *,
    folder: Path,
    now: datetime,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
    clock: Callable[[], float] = time.monotonic,
) -> Rehearsal:
    """Prove that a checkpoint can be restored, on a copy in a scratch folder made in ``folder``.

    The store is only read. Whatever is wrong with the checkpoint or the store ends in what is
    returned, never in an exception. Raises PermanentStoreError when no scratch folder can be made.
    """
    run = _Run(store=store, checkpoint=checkpoint, now=now, limits=limits, clock=clock)
    with scratch_folder(folder) as scratch:
        return run.carry_out(scratch)


@dataclass(slots=True, kw_only=True)
class _Run:
    """A rehearsal under way, and what it has proved so far."""

    store: ReadableStore
    checkpoint: Checkpoint
    now: datetime
    limits: Limits
    clock: Callable[[], float]
    begun: float = 0.0
    proved: dict[str, bool] = field(default_factory=dict)
    how: How | None = None
    bytes_read: int = 0

    def carry_out(self, scratch: Path) -> Rehearsal:
        """Take every step and return what it came to."""
        self.begun = self.clock()
        try:
            with _explained():
                self._steps(scratch)
        except _Ended as ended:
            outcome = Outcome.FAILED if ended.finding else Outcome.SKIPPED
            return self._came_to(outcome, str(ended), ended.finding)
        return self._came_to(Outcome.PROVEN, f"It was restored {self.how} and read back the same.")

    def _steps(self, scratch: Path) -> None:
        self._require_bounded()
        state = self._loaded()
        self._check_time()
        copy = copied(self.store, self.checkpoint, state, scratch, self.now)
        with closing(copy.store):
            self.how, self.bytes_read = copy.how, self.bytes_read + copy.bytes_read
            self._check_time()
            self._restored(copy, state)

    def _loaded(self) -> dict[str, Any]:
        try:
            state = self.store.load(self.checkpoint)
        except CorruptCheckpoint as error:
            kind = "" if _is_locked(error) else _kind_of(self.store, self.checkpoint)
            raise _Ended(_sentence(error), kind) from error
        self.proved |= {"decoded": True, "digest_verified": self.checkpoint.sha256 is not None}
        self.bytes_read += self.checkpoint.stored_size or self.checkpoint.size or 0
        return state

    def _restored(self, copy: Copy, state: Mapping[str, Any]) -> None:
        head = _restore_on(copy.store, self.checkpoint, self.now)
        self.proved["restored"] = True
        self._check_time()
        seen = copy.store.head(head.agent_id, head.thread_id)
        if seen is None or seen.checkpoint_id != head.checkpoint_id:
            raise _Ended("After the restore the head is another checkpoint.", "not_restorable")
        back = copy.store.load(copy.store.get(head.checkpoint_id, thread_id=head.thread_id))
        if not _same_but(state, back, getattr(self.store, "restamped_fields", _NOTHING)):
            raise _Ended("What was read back after the restore is not the same.", "reads_otherwise")
        self.proved["read_back"] = True

    def _require_bounded(self) -> None:
        record = self.checkpoint
        if record.namespace:
            raise _Ended("A subgraph's checkpoint goes back with its thread.")
        if (record.stored_size or 0) > self.limits.most_bytes:
            raise _Ended(
                f"It has {record.stored_size:,} bytes; more than {self.limits.most_bytes:,} are "
                "not rehearsed."
            )

    def _check_time(self) -> None:
        if self.clock() - self.begun > self.limits.seconds:
            raise _Ended(f"It took longer than {self.limits.seconds:g} seconds and was broken off.")

    def _came_to(self, outcome: Outcome, reason: str, finding: str = "") -> Rehearsal:
        return Rehearsal(
            checkpoint_id=self.checkpoint.id,
            agent_id=self.checkpoint.agent_id,
            thread_id=self.checkpoint.thread_id,
            outcome=outcome,
            reason=reason,
            finding=finding,
            how=self.how,
            bytes_read=self.bytes_read,
            **self.proved,
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what a store raises into the reason why a rehearsal ended."""
    try:
        yield
    except _Ended:
        raise
    except CheckpointNotFound as error:
        raise _Ended(_sentence(error), "missing_checkpoint") from error
    except CorruptCheckpoint as error:
        raise _Ended(_sentence(error), "corrupt_checkpoint") from error
    except (TransientStoreError, UnsupportedState, OSError) as error:
        raise _Ended(_sentence(error)) from error
    except PlanRefused as error:
        raise _Ended(_sentence(error), "not_restorable") from error
    except CheckpointError as error:
        raise _Ended(_sentence(error), "" if _is_locked(error) else "unreadable_store") from error
    except Exception as error:
        raise _Ended(f"Reading it failed: {type(error).__name__}.", "undecodable") from error


def _restore_on(copy: RestorableStore, checkpoint: Checkpoint, now: datetime) -> Head:
    """Restore on a copy, in which the agent may go by another name; return the head it made."""
    record = copy.get(checkpoint.id, thread_id=checkpoint.thread_id)
    plan = copy.plan_restore(record)
    done = restore(
        copy,
        plan,
        written_ids=copy.choose_ids(plan),
        operation_id=str(uuid4()),
        reason="a rehearsal",
        now=now,
    )
    return done.head


def _same_but(one: Mapping[str, Any], other: Mapping[str, Any], names: frozenset[str]) -> bool:
    """Compare two states but for the fields that a restore writes anew."""
    states = ([*one.items()], [*other.items()])
    kept = ({name: value for name, value in items if name not in names} for items in states)
    return same(*kept)


def _kind_of(store: ReadableStore, checkpoint: Checkpoint) -> str:
    """Return whether a checkpoint is gone, has changed since it was listed, or is undecodable."""
    try:
        store.get(checkpoint.id, thread_id=checkpoint.thread_id)
        if checkpoint.sha256 is None or checkpoint.damage:
            return "undecodable"
        store.load(replace(checkpoint, sha256=None))
    except CheckpointNotFound:
        return "missing_checkpoint"
    except CheckpointError:
        return "undecodable"
    return "digest_mismatch"


def _is_locked(error: CheckpointError) -> bool:
    """Say whether a key is missing here: that is no fault of what was saved."""
    return "encrypted" in str(error)


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return f"{text.rstrip('.')}."
