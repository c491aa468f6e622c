"""What lay at each path of the states of one deployment, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from checkpoints.drift import times
from checkpoints.drift.shapes import MOST_PATHS, parent_of, shape_of
from checkpoints.drift.signals import At

MISSING: Final = "missing"
MEMORY: Final = 1_000
"""States that are counted."""
_SELDOM: Final = 3
"""Keys of one mapping below the top that are seldom there; with so many it holds data by key."""


@dataclass(slots=True)
class Form:
    """``follows`` names the deployment before; ``told`` says that a difference was signalled."""

    follows: str = ""
    since: int = 0
    since_at: At | None = None
    told: bool = False
    states: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def paths(self) -> set[str]:
        """All paths of which something is known."""
        return set(self.counts)

    def add(self, state: Any) -> None:
        """Count a state."""
        if self.states >= MEMORY:
            return
        self.states += 1
        for path, kind in shape_of(state).items():
            if path in self.counts or len(self.counts) < 2 * MOST_PATHS:
                kinds = self.counts.setdefault(path, {})
                kinds[kind] = kinds.get(kind, 0) + 1

    def shares(self, path: str) -> dict[str, int]:
        """Return how often which kind lay at a path, and how often none where one could."""
        found = dict(self.counts.get(path, {}))
        parent = parent_of(path)
        if parent is not None:
            could = self.counts.get(parent, {}).get("mapping", 0)
            found[MISSING] = max(0, could - sum(found.values()))
        return found

    def data(self) -> set[str]:
        """Return the mappings below the top whose keys come and go, and so are data."""
        seldom: Counter[str] = Counter()
        for path, kinds in self.counts.items():
            parent = parent_of(path)
            could = self.counts.get(parent, {}).get("mapping", 0) if parent else 0
            if parent and 2 * sum(kinds.values()) < could:
                seldom[parent] += 1
        return {parent for parent, keys in seldom.items() if keys >= _SELDOM}

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "follows": self.follows,
            "since": self.since,
            "since_at": times.dump(self.since_at),
            "told": self.told,
            "states": self.states,
            "counts": {path: dict(kinds) for path, kinds in self.counts.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        counts = {path: dict(kinds) for path, kinds in values["counts"].items()}
        return cls(**{**values, "counts": counts, "since_at": times.load(values["since_at"])})
