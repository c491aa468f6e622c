"""What kind a thing is each time, and when a row of another kind is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf, log
from typing import Any, Final, Self

MEMORY: Final = 300
"""Times that are remembered; older ones fade."""
LEAST_BEFORE: Final = 14
LEAST_ROW: Final = 3
"""A shorter row is an exception, however rare."""
LONGER: Final = 2
"""A row has to be this many times as long as the longest of its kind before."""
_PRIOR: Final = 0.5
_MOST_KINDS: Final = 8
OTHER: Final = "another kind"


@dataclass(slots=True)
class Streak:
    """A series of kinds, most of the time the same.

    ``score`` is the logarithm of a Bayes factor: the row that goes on now, of ``length`` times
    ``kind``, under a new share of any size (Beta(1, 1)) against the share that the kind had before
    (Beta(½, ½) and ``counts``).
    """

    kind: str = ""
    length: int = 0
    start: int = 0
    counts: dict[str, float] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    usual: str = ""

    def add(self, kind: str, index: int) -> None:
        """Take what it is this time."""
        if kind == self.kind:
            self.length += 1
            return
        self._remember()
        if kind not in self.counts and len(self.counts) >= _MOST_KINDS:
            kind = OTHER
        self.kind, self.length, self.start = kind, 1, index

    @property
    def before(self) -> float:
        """How many times were seen before the present row, as far as they are remembered."""
        return sum(self.counts.values()) if self.counts else 0.0

    @property
    def score(self) -> float:
        """How surely the present row is a lasting change; 0 while it may be an exception."""
        before = self.before
        if self.length < LEAST_ROW or before < LEAST_BEFORE:
            return 0.0
        if self.kind == self.most or self.length <= LONGER * self.longest.get(self.kind, 0):
            return 0.0
        share = (self.counts.get(self.kind, 0.0) + _PRIOR) / (before + 2 * _PRIOR)
        alone = -self.length * log(share)
        return min(alone, self._if_sticky()) - log(self.length + 1)

    def _if_sticky(self) -> float:
        """Return how little the row fits where the kind comes seldom and then stays."""
        if self.longest.get(self.kind, 0) < 2:
            return inf
        rows, spent = self.rows.get(self.kind, 0), self.spent.get(self.kind, 0)
        stays = (spent - rows + _PRIOR) / (spent + 2 * _PRIOR)
        comes = (rows + _PRIOR) / (sum(self.spent.values()) + 2 * _PRIOR)
        return -log(comes) - (self.length - 1) * log(stays)

    @property
    def most(self) -> str:
        """The kind that was most frequent before the present row."""
        return max(self.counts, key=lambda kind: self.counts[kind]) if self.counts else ""

    def settle(self) -> None:
        """Take the present kind as the baseline, and remember to what it may go back.

        How long rows were stays known: what comes and goes for long is no news.
        """
        self.usual = "" if self.kind == self.usual else self.most
        self.counts = {}

    def _remember(self) -> None:
        if not self.length:
            return
        self.counts[self.kind] = self.counts.get(self.kind, 0.0) + self.length
        self.rows[self.kind] = self.rows.get(self.kind, 0) + 1
        self.spent[self.kind] = self.spent.get(self.kind, 0) + self.length
        self.longest[self.kind] = max(self.length, self.longest.get(self.kind, 0))
        total = self.before
        if total > MEMORY:
            self.counts = {kind: count * MEMORY / total for kind, count in self.counts.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        copied: dict[str, Any] = {
            name: {**one} if isinstance(one, dict) else one for name, one in values.items()
        }
        return cls(**copied)
