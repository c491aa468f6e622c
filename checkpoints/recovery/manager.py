"""What was tried to bring the chains of a store back, and what became of it."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from checkpoints.errors import CheckpointError
from checkpoints.identifiers import new_id
from checkpoints.records import Checkpoint, JournalEntry, Strategy, Thread
from checkpoints.recovery.failures import Failure
from checkpoints.recovery.suggestions import Outcome, RecoveryAction, RecoveryEvent, suggest
from checkpoints.stores.base import Store
from checkpoints.stores.urls import open_store

logger = logging.getLogger("checkpoints")

RECOVERY = "recovery"
"""The kind of a journal entry about an applied suggestion."""
HISTORY = 500
"""Events of one chain that suggestions look at, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPatterns:
    """How often each thing came in a history."""

    attempts: int
    recovered: int
    actions: Counter[str]
    error_classes: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A suggestion that is being tried; ``RecoveryManager.settle`` says how it ended."""

    agent_id: str
    chain_id: str
    key: str
    failure: Failure
    action: RecoveryAction
    checkpoint_id: str | None


class RecoveryManager:
    """Analyses failures and remembers outcomes in the journal of a store.

    ``storage`` is a store, or a store URL, whose store ``close`` lets go.
    ``agent_id=None`` fits the chains of every agent.
    """

    def __init__(
        self,
        storage: Store | str,
        *,
        agent_id: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.store = _opened(storage)
        self._owns_store = isinstance(storage, str)
        self._agent_id = agent_id
        self._clock = clock or _utc_now

    def suggest(
        self,
        error: BaseException | Failure,
        *,
        step: str | None = None,
        chain_id: str | None = None,
        excluded: Collection[Strategy] = (),
    ) -> list[RecoveryAction]:
        """Return ranked strategies for an error, with what this chain's history knows."""
        failure = error if isinstance(error, Failure) else Failure.from_exception(error, step=step)
        history = self._known_of(chain_id) if chain_id is not None else ()
        return suggest(failure, history, excluded=excluded, agent_id=self._agent_id or "")

    def get_recovery_history(self, chain_id: str) -> list[RecoveryEvent]:
        """Return what was tried for a chain (its thread), oldest first: the newest 500 an agent."""
        agents = self._agents_of(chain_id)
        kept = [
            self.store.entries(agent, chain_id, kind=RECOVERY, limit=HISTORY) for agent in agents
        ]
        entries = sorted(itertools.chain.from_iterable(kept), key=lambda entry: entry.recorded_at)
        return [_event(entry) for entry in entries]

    def get_recovery_patterns(self, chain_id: str) -> RecoveryPatterns:
        """Count a chain's recoveries by action and by class of error."""
        history = self.get_recovery_history(chain_id)
        return RecoveryPatterns(
            attempts=len(history),
            recovered=sum(event["outcome"] == Outcome.RECOVERED for event in history),
            actions=Counter(event["action"] for event in history),
            error_classes=Counter(event["error_class"] for event in history),
        )

    def begin(
        self,
        failure: Failure,
        action: RecoveryAction,
        *,
        agent_id: str,
        chain_id: str,
        checkpoint_id: str | None = None,
    ) -> Trial:
        """Note that a suggestion is tried. A process that dies now leaves its outcome unknown."""
        trial = Trial(
            agent_id=agent_id,
            chain_id=chain_id,
            key=f"{self._clock():%Y%m%dT%H%M%S.%f}-{new_id()}",
            failure=failure,
            action=action,
            checkpoint_id=checkpoint_id,
        )
        self.settle(trial, Outcome.UNKNOWN)
        return trial

    def settle(self, trial: Trial, outcome: Outcome) -> None:
        """Note how a trial ended. A store that does not take it is logged: the agent goes on."""
        entry = JournalEntry(
            agent_id=trial.agent_id,
            thread_id=trial.chain_id,
            kind=RECOVERY,
            key=trial.key,
            recorded_at=self._clock(),
            checkpoint_id=trial.checkpoint_id,
            data=_data(trial, outcome),
        )
        try:
            self.store.record([entry], replace=True)
        except CheckpointError as error:
            logger.warning("the outcome of a recovery was not kept: %s", error)

    def cleanup_old_checkpoints(self, max_age_days: float = 30) -> int:
        """Move checkpoints older than this many days to the trash; return how many went.

        Heads and pinned checkpoints stay, so that every chain can still resume. Raises ValueError
        for an age that is no number of days from 0 on.
        """
        if not 0 <= max_age_days <= timedelta.max.days:
            raise ValueError(
                f"max_age_days is a number of days from 0 on, not {max_age_days!r}; nothing went"
            )
        now = self._clock()
        going = [c.id for c in self._older_than(now - timedelta(days=max_age_days))]
        reason = f"older than {max_age_days:g} days"
        return len(self.store.trash(dict.fromkeys(going, reason), now=now)) if going else 0

    def get_storage_stats(self) -> dict[str, Any]:
        """Return how many threads and checkpoints there are and what they take, in bytes."""
        records = [record for thread in self._threads() for record in self._history(thread)]
        return {
            "threads": len({(record.agent_id, record.thread_id) for record in records}),
            "checkpoints": len(records),
            "state_bytes": sum(record.size or 0 for record in records),
            "stored_bytes": sum(record.stored_size or 0 for record in records),
        }

    def close(self) -> None:
        """Let go of the store, if it was opened here."""
        if self._owns_store:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _known_of(self, chain_id: str) -> list[RecoveryEvent]:
        """Return a chain's history, none while the store is away: its error is not the agent's."""
        try:
            return self.get_recovery_history(chain_id)
        except CheckpointError as error:
            logger.warning("suggestions know no outcomes, the history was not read: %s", error)
            return []

    def _threads(self) -> Iterator[Thread]:
        wanted = (None, self._agent_id)
        return (t for t in self.store.threads() if self._agent_id is None or t.agent_id in wanted)

    def _agents_of(self, chain_id: str) -> list[str]:
        if self._agent_id is not None:
            return [self._agent_id]
        return sorted(t.agent_id for t in self._threads() if t.thread_id == chain_id)

    def _history(self, thread: Thread) -> list[Checkpoint]:
        return self.store.history(thread.agent_id, thread.thread_id)

    def _older_than(self, moment: datetime) -> Iterator[Checkpoint]:
        pinned = {pin.checkpoint_id for pin in self.store.pins()}
        for thread in list(self._threads()):
            for record in self._history(thread):
                stays = record.id == thread.head_id or record.id in pinned
                if record.created_at < moment and not stays:
                    yield record


def _data(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    return {
        "action": str(trial.action.strategy),
        "error_type": trial.failure.error_type,
        "error_class": str(trial.failure.error_class),
        "step": trial.failure.step,
        "outcome": str(outcome),
        "confidence": trial.action.confidence,
        "fingerprint": trial.failure.fingerprint,
    }


def _event(entry: JournalEntry) -> RecoveryEvent:
    data = entry.data
    outcome = Outcome(data["outcome"])
    return RecoveryEvent(
        agent_id=entry.agent_id,
        chain_id=entry.thread_id,
        action=data["action"],
        error_type=data["error_type"],
        error_class=data["error_class"],
        step=data["step"],
        outcome=outcome,
        recovered=None if outcome is Outcome.UNKNOWN else outcome is Outcome.RECOVERED,
        confidence=data["confidence"],
        fingerprint=data["fingerprint"],
        recorded_at=entry.recorded_at.isoformat(),
        checkpoint_id=entry.checkpoint_id,
    )


def _opened(storage: Store | str) -> Store:
    opened = open_store(storage) if isinstance(storage, str) else storage
    if not isinstance(opened, Store):
        raise TypeError(f"recovery keeps its history in one of Holdfast's stores, not {opened!r}")
    return opened


def _utc_now() -> datetime:
    return datetime.now(UTC)
