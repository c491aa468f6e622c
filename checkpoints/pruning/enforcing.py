"""Planning and removing, and again when somebody came between."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.pruning.known import KnownThread
from checkpoints.records import Checkpoint
from checkpoints.retention import GRACE, RetentionPolicy, plan_prune
from checkpoints.stores.base import Store

logger = logging.getLogger("checkpoints")

SWEEP_EVERY = timedelta(hours=1)
"""How long one manager waits from one sweep to the next."""
ATTEMPTS = 3
"""How often a removal is planned, when others move the head, pin or remove meanwhile."""


class Enforcer:
    """Carries a policy out on one thread."""

    def __init__(self, store: Store, policy: RetentionPolicy) -> None:
        self._store = store
        self._policy = policy
        self._known = KnownThread(store)
        self._swept_at: datetime | None = None
        self._said = ""

    def forget(self) -> None:
        """Read the thread anew the next time."""
        self._known.forget()

    def enforce(
        self,
        saved: Sequence[Checkpoint],
        now: datetime,
        *,
        held: AbstractSet[str],
        released: AbstractSet[str],
    ) -> AbstractSet[str]:
        """Remove what the policy does not keep after these saves; return the ids. Never raises.

        What went wrong is logged, once until it is something else, and tried after the next save.
        """
        try:
            removed = self._enforce(saved, now, held, released)
        except Exception as error:  # noqa: BLE001 - the saves before it are safe
            self._known.forget()
            self._say(f"retention was not carried out, the saves are safe: {error}")
            return frozenset()
        self._said = ""
        return removed

    def _enforce(
        self,
        saved: Sequence[Checkpoint],
        now: datetime,
        held: AbstractSet[str],
        released: AbstractSet[str],
    ) -> AbstractSet[str]:
        attempts_left = ATTEMPTS
        while True:
            self._take(saved, released)
            try:
                return self._remove(self._going(now, held, released), now)
            except (PlanRefused, CheckpointNotFound):
                attempts_left -= 1
                if not attempts_left:
                    raise
                self._known.forget()

    def _take(self, saved: Sequence[Checkpoint], released: AbstractSet[str]) -> None:
        if self._policy.keeps_all:
            self._known.take_only(released, of=saved[-1])
        else:
            self._known.take(saved)

    def _going(
        self, now: datetime, held: AbstractSet[str], released: AbstractSet[str]
    ) -> dict[str, str]:
        running = dict.fromkeys(held, "its operation has not completed")
        plan = plan_prune(
            self._known.newest_first(),
            self._policy,
            now=now,
            exempt={**running, **self._known.exempt()},
            released=released,
        )
        return {decision.checkpoint_id: decision.reason for decision in plan.remove}

    def _remove(self, going: dict[str, str], now: datetime) -> AbstractSet[str]:
        if going:
            self._store.trash(going, now=now)
            self._known.drop(going)
            self._sweep_now_and_then(now)
        return going.keys()

    def _sweep_now_and_then(self, now: datetime) -> None:
        """Sweep many at once: what stands on the last of them is written anew each time.

        The sizes of what was written anew are read again.
        """
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY:
            self._store.sweep(before=now - GRACE)
            self._swept_at = now
            self._known.forget()

    def _say(self, message: str) -> None:
        if message != self._said:
            self._said = message
            logger.warning("%s", message)
