"""How sure one may be that a strategy helps: an expert's opinion that outcomes overrule.

A hierarchy of Beta-Binomial models: the expert's order of a class's strategies is the prior, what
became of the strategy against the class everywhere else moves it, what became of it with this
agent moves it further. Old outcomes fade.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from checkpoints.records import Strategy
from checkpoints.recovery.beta import quantile
from checkpoints.recovery.classes import ErrorClass, ErrorName

PRIOR_OUTCOMES: Final = 2.0
"""How many outcomes the expert's opinion weighs as much as."""
SHRINKAGE: Final = 8.0
"""How many outcomes all that is known of other agents weighs as much as, at most."""
HALF_LIFE: Final = 150
"""After so many further outcomes one counts half: providers, models and prompts change."""
INTERVAL: Final = 0.8
"""The share of belief that the interval of a confidence holds."""
BY_RANK: Final = (0.7, 0.5, 0.35)
"""What the expert's first, second and third strategy are believed to reach."""
UNADVISED: Final = 0.15
"""What a strategy is believed to reach that the expert does not name for a class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """What is believed of a strategy against a class of errors, with one agent.

    ``mean`` is the posterior mean of its success, ``low`` to ``high`` hold 80 % of the belief.
    ``outcomes`` were counted, ``of_agent`` of them with this agent.
    """

    mean: float
    low: float
    high: float
    outcomes: int
    of_agent: int

    def __str__(self) -> str:
        if not self.outcomes:
            return "an expert's opinion, no outcome yet"
        many = "1 outcome" if self.outcomes == 1 else f"{self.outcomes} outcomes"
        return f"{many}, {self.of_agent} of them this agent's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trying:
    """One outcome that is known: what was tried against what, with whom, and whether it helped."""

    error: ErrorName
    strategy: Strategy
    agent_id: str
    recovered: bool


@dataclass(slots=True)
class _Count:
    good: float = 0.0
    bad: float = 0.0
    outcomes: int = 0

    def add(self, weight: float, *, recovered: bool) -> None:
        self.good += weight if recovered else 0.0
        self.bad += 0.0 if recovered else weight
        self.outcomes += 1


class Experience:
    """What outcomes taught, oldest first; ``learn`` takes one in, ``confidence`` asks."""

    def __init__(self) -> None:
        self._taken = 0
        self._counts: defaultdict[tuple[ErrorName, Strategy], defaultdict[str, _Count]]
        self._counts = defaultdict(lambda: defaultdict(_Count))

    @classmethod
    def of(cls, tryings: Iterable[Trying]) -> Self:
        """Return what outcomes taught; they come oldest first."""
        experience = cls()
        for one in tryings:
            experience.learn(one)
        return experience

    def learn(self, one: Trying) -> None:
        """Take an outcome in. All that were taken before count a little less from now on."""
        weight = 2.0 ** (self._taken / HALF_LIFE)
        if not math.isfinite(weight) or weight > 1e12:
            self._fade(weight)
            self._taken, weight = 0, 1.0
        count = self._counts[one.error, one.strategy][one.agent_id]
        count.add(weight, recovered=one.recovered)
        self._taken += 1

    def tried(self, error: ErrorName) -> list[Strategy]:
        """Return the strategies of which an outcome against a class is known."""
        return [strategy for name, strategy in self._counts if name is error]

    def confidence(self, error: ErrorClass, strategy: Strategy, agent_id: str = "") -> Confidence:
        """Return what is believed of a strategy against a class of errors with an agent.

        The prior is the order of the error's own ``strategies``.
        """
        counts: Mapping[str, _Count] = self._counts.get((error.name, strategy), {})
        now = 2.0 ** (-self._taken / HALF_LIFE)
        own = counts.get(agent_id, _Count())
        others = [count for name, count in counts.items() if name != agent_id]
        believed = prior(error, strategy)
        good = believed * PRIOR_OUTCOMES + now * sum(one.good for one in others)
        bad = (1.0 - believed) * PRIOR_OUTCOMES + now * sum(one.bad for one in others)
        shrink = min(1.0, SHRINKAGE / (good + bad))
        good, bad = good * shrink + now * own.good, bad * shrink + now * own.bad
        edge = (1.0 - INTERVAL) / 2
        return Confidence(
            mean=good / (good + bad),
            low=quantile(edge, good, bad),
            high=quantile(1.0 - edge, good, bad),
            outcomes=own.outcomes + sum(one.outcomes for one in others),
            of_agent=own.outcomes,
        )

    def _fade(self, weight: float) -> None:
        for agents in self._counts.values():
            for count in agents.values():
                count.good /= weight
                count.bad /= weight


def prior(error: ErrorClass, strategy: Strategy) -> float:
    """Return what the expert's order alone makes of a strategy against an error."""
    advised = error.strategies
    return BY_RANK[advised.index(strategy)] if strategy in advised else UNADVISED
