"""The points behind a baseline, and when it is estimated anew."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any, Self

WARM_UP = 14
"""Points before which nothing is said."""
CAPACITY = 192
"""Points behind a baseline that are kept; older ones are forgotten ``_BLOCK`` at a time."""
_BLOCK = 128
_GROWTH = 0.25
"""Part by which the points grow from one estimate to the next."""
_LAG = 20
"""Newest points that a baseline does not learn from yet: a drift may have begun in them."""
_LAG_SHARE = 0.25


class History:
    """Points in order, at most ``CAPACITY`` and a block, and the number at which to look again."""

    __slots__ = ("due", "points")

    def __init__(self, points: Iterable[float] = (), due: int = WARM_UP) -> None:
        self.points = array("d", points)
        self.due = due

    def __len__(self) -> int:
        return len(self.points)

    def add(self, point: float) -> bool:
        """Keep a point; return whether a new estimate is due."""
        self.points.append(point)
        return len(self.points) >= self.due

    def settled(self) -> list[float]:
        """Return the points that a baseline may learn from, and plan the next look."""
        self._forget()
        count = len(self.points)
        self.due = min(count + max(3, int(count * _GROWTH)), CAPACITY + _BLOCK)
        lag = min(_LAG, int(count * _LAG_SHARE)) if count > WARM_UP + 3 else 0
        return self.points[: count - lag].tolist()

    def postpone(self) -> None:
        """Look again three points later: something may be beginning."""
        self._forget()
        self.due = len(self.points) + 3

    def since(self, count: int) -> list[float]:
        """Return the newest points."""
        return self.points[len(self.points) - count :].tolist()

    def drop(self, count: int) -> None:
        """Forget the newest points: they belong to an episode."""
        del self.points[len(self.points) - count :]

    def _forget(self) -> None:
        if len(self.points) >= CAPACITY + _BLOCK:
            del self.points[:-CAPACITY]

    def to_dict(self) -> dict[str, Any]:
        return {"points": self.points.tolist(), "due": self.due}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["points"], int(values["due"]))
