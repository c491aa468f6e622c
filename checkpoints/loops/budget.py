"""What a loop may spend, and what it has spent."""

from __future__ import annotations

import logging
import math
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Self

from checkpoints.errors import CheckpointError
from checkpoints.identifiers import new_id
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store

logger = logging.getLogger("checkpoints")

BUDGET = "budget"
"""The kind of the journal entries that hold what a thread has spent, and its cap."""
_SPENT = "spent/"
_CAP = "cap"

_LESS_THAN_ANY_PRICE = 1e-9
"""US dollars; what rounding leaves over from sums of prices is less."""


class BudgetExhausted(CheckpointError):
    """What a step wants to spend is more than what is left. Nothing was spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A cap in US dollars; None spends without one.

    A thread keeps its cap: of the saved cap and this one the lower holds, unless ``override``
    says that this one replaces it. Raises ValueError for a cap below 0.
    """

    limit_usd: float | None = None
    override: bool = False

    def __post_init__(self) -> None:
        if self.limit_usd is not None and not self.limit_usd >= 0:
            raise ValueError(
                f"limit_usd is a number of US dollars from 0 on, not {self.limit_usd!r}; leave it "
                "out for no cap"
            )

    def over(self, saved: float | None) -> float | None:
        """Return the cap that holds for a thread that was saved with another one."""
        if self.override or saved is None:
            return self.limit_usd
        return saved if self.limit_usd is None else min(saved, self.limit_usd)


class Ledger:
    """Keeps what a thread has spent beside its checkpoints, where no restore takes it back.

    Each run counts in an entry of its own: of two processes that are on one thread for a while
    neither loses what the other was charged. The cap has one entry.
    """

    def __init__(self, store: Store, agent_id: str, thread_id: str) -> None:
        self._store = store
        self._agent_id = agent_id
        self._thread_id = thread_id
        self._key = f"{_SPENT}{new_id()}"
        self._own = 0.0
        self.counting = Lock()

    def spent(self) -> float:
        """Return the US dollars that all runs were charged."""
        return float(sum(entry.data["spent_usd"] for entry in self._entries(_SPENT)))

    def cap(self, unknown: float | None) -> float | None:
        """Return the cap that was kept last, ``unknown`` when none ever was."""
        kept = self._entries(_CAP)
        return kept[-1].data["limit_usd"] if kept else unknown

    def begin_anew(self, limit_usd: float | None) -> None:
        """Forget what was spent, and keep a cap."""
        keys = [entry.key for entry in self._entries(_SPENT)]
        if keys:
            self._store.forget(self._agent_id, self._thread_id, kind=BUDGET, keys=keys)
        self.keep_cap(limit_usd)

    def add(self, usd: float) -> None:
        """Count what this run was charged."""
        self._own += usd
        self._keep(self._key, {"spent_usd": self._own})

    def keep_cap(self, limit_usd: float | None) -> None:
        """Keep the cap for the runs to come."""
        self._keep(_CAP, {"limit_usd": limit_usd})

    def _entries(self, prefix: str) -> list[JournalEntry]:
        return self._store.entries(self._agent_id, self._thread_id, kind=BUDGET, prefix=prefix)

    def _keep(self, key: str, values: dict[str, Any]) -> None:
        """Keep it durably. A store that does not take it is logged: the money is gone anyhow."""
        entry = JournalEntry(
            agent_id=self._agent_id,
            thread_id=self._thread_id,
            kind=BUDGET,
            key=key,
            recorded_at=datetime.now(UTC),
            data=values,
        )
        try:
            self._store.record([entry], replace=True)
        except CheckpointError as error:
            logger.warning("what was spent is kept with the next checkpoint only: %s", error)


class Spending:
    """``spent_usd`` and ``limit_usd`` of a thread; a charge is durable before it returns."""

    def __init__(self, values: dict[str, Any], ledger: Ledger | None = None) -> None:
        self._values = values
        self._ledger = ledger

    @classmethod
    def begun(cls, values: dict[str, Any], ledger: Ledger, budget: Budget | None) -> Self:
        """Begin with nothing spent, whatever the thread has spent before."""
        values["limit_usd"] = (budget or Budget()).limit_usd
        ledger.begin_anew(values["limit_usd"])
        return cls(values, ledger)

    @classmethod
    def resumed(cls, values: dict[str, Any], ledger: Ledger, budget: Budget | None) -> Self:
        """Go on where the thread stands, whatever checkpoint it goes back to."""
        counted, cap = ledger.spent(), ledger.cap(values["limit_usd"])
        if values["spent_usd"] - counted > _LESS_THAN_ANY_PRICE:
            ledger.add(values["spent_usd"] - counted)
        values["spent_usd"] = max(values["spent_usd"], counted)
        values["limit_usd"] = (budget or Budget()).over(cap)
        if values["limit_usd"] != cap:
            ledger.keep_cap(values["limit_usd"])
        return cls(values, ledger)

    @property
    def spent_usd(self) -> float:
        """What was charged so far, in this run and those before."""
        return float(self._values["spent_usd"])

    @property
    def limit_usd(self) -> float | None:
        """The cap, None where there is none."""
        limit = self._values["limit_usd"]
        return None if limit is None else float(limit)

    @property
    def left_usd(self) -> float | None:
        """What may still be spent, never below 0; None where there is no cap."""
        return None if self.limit_usd is None else max(0.0, self.limit_usd - self.spent_usd)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.left_usd is not None and self.left_usd < _LESS_THAN_ANY_PRICE

    def charge(self, usd: float) -> None:
        """Count what was spent. It is counted above the cap too: then the loop ends.

        Tools that a step calls side by side, in threads, may each charge what they cost.
        """
        if not 0 <= usd < math.inf:
            raise ValueError(f"a charge is a finite number of US dollars from 0 on, not {usd!r}")
        with self._ledger.counting if self._ledger else nullcontext():
            self._values["spent_usd"] = self.spent_usd + usd
            if self._ledger is not None:
                self._ledger.add(usd)

    def require(self, usd: float) -> None:
        """Raise BudgetExhausted unless this much is left: ask before a call that costs."""
        if self.left_usd is not None and not usd <= self.left_usd:
            raise BudgetExhausted(
                f"{usd:g} USD are more than the {self.left_usd:g} USD that are left of "
                f"{self.limit_usd:g}; nothing was spent"
            )

    def cap(self, limit_usd: float | None) -> None:
        """Set another cap, as an operator does."""
        self._values["limit_usd"] = limit_usd
        if self._ledger is not None:
            self._ledger.keep_cap(limit_usd)

    def moved_to(self, state: dict[str, Any]) -> Spending:
        """Return the same spending within another state: going back takes no money back."""
        state["budget"] = dict(self._values)
        return Spending(state["budget"], self._ledger)
