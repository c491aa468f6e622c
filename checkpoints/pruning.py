"""Carrying a retention policy out beside the saves of one thread."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from checkpoints.errors import CheckpointError
from checkpoints.records import Checkpoint
from checkpoints.retention import GRACE, PrunePlan, RetentionPolicy, plan_prune
from checkpoints.stores.base import Store

logger = logging.getLogger("checkpoints")

SWEEP_EVERY = timedelta(hours=1)
"""How long one manager waits from one sweep to the next."""


class Pruner:
    """Moves to the trash what the policy does not keep; it stays there for its grace."""

    def __init__(self, store: Store, policy: RetentionPolicy | None) -> None:
        self._store = store
        self._policy = policy
        self._released: set[str] = set()
        self._swept_at: datetime | None = None

    def release(self, checkpoint_id: str) -> None:
        """Let a pre_operation checkpoint go, for its operation has succeeded."""
        self._released.add(checkpoint_id)

    @property
    def idle(self) -> bool:
        """Whether there can be nothing to remove."""
        return self._policy is None and not self._released

    def prune(self, records: Sequence[Checkpoint], head_id: str | None, now: datetime) -> None:
        """Prune a thread, newest record first. Never raises: the save before it is safe."""
        try:
            plan = self._plan(records, head_id, now)
            going = {decision.checkpoint_id: decision.reason for decision in plan.remove}
            if going:
                self._store.trash(going, now=now)
                self._released -= going.keys()
                self._sweep_now_and_then(now)
        except CheckpointError as error:
            logger.warning("retention was not carried out, the save is safe: %s", error)

    def _sweep_now_and_then(self, now: datetime) -> None:
        """Sweep many at once: what stands on the last of them is written anew each time."""
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY:
            self._store.sweep(before=now - GRACE)
            self._swept_at = now

    def _plan(self, records: Sequence[Checkpoint], head_id: str | None, now: datetime) -> PrunePlan:
        exempt = {pin.checkpoint_id: f"pinned: {pin.reason}" for pin in self._store.pins()}
        if head_id is not None:
            exempt[head_id] = "the head"
        return plan_prune(
            records,
            self._policy or RetentionPolicy(),
            now=now,
            exempt=exempt,
            released=self._released,
        )
