"""Ways to look at a metric in which its ordinary points lie evenly about their middle."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log, sqrt
from typing import Any, ClassVar

_LEAST = 1e-12


class Plain:
    """Points as they are."""

    __slots__ = ()
    name: ClassVar[str] = "plain"

    def forth(self, point: float) -> float:
        """Return a point as the tests see it."""
        return point

    def back(self, seen: float) -> float:
        """Return the point that is seen so."""
        return seen

    def fits(self, point: float) -> bool:
        """Whether the look was made for such a point."""
        return True

    def least_scale(self, center: float) -> float:
        """Return the deviation below which nothing is worth a word: about 1 % of the level."""
        return max(0.01 * abs(center), _LEAST)

    def steady_scale(self, center: float) -> float:
        """Return the deviation that is believed of a metric that was never seen to change."""
        return 5 * self.least_scale(center)


class Log(Plain):
    """Logarithms, of what grows by factors. ``shift`` is for metrics that are 0 at times."""

    __slots__ = ("floor", "shift")
    name: ClassVar[str] = "log"

    def __init__(self, shift: float, floor: float) -> None:
        self.shift = shift
        self.floor = floor

    def forth(self, point: float) -> float:
        point += self.shift
        return log(point if point > self.floor else self.floor)

    def back(self, seen: float) -> float:
        return exp(min(seen, 345.0)) - self.shift

    def fits(self, point: float) -> bool:
        return point > 0.0 or (point == 0.0 and self.shift > 0.0)

    def least_scale(self, center: float) -> float:
        return 0.01


class Root(Plain):
    """Square roots, which even out the noise of counts (Anscombe adds 3/8 to those)."""

    __slots__ = ("shift",)
    name: ClassVar[str] = "root"

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def forth(self, point: float) -> float:
        point += self.shift
        return sqrt(point) if point > 0.0 else -sqrt(-point)

    def back(self, seen: float) -> float:
        return seen * abs(seen) - self.shift

    def fits(self, point: float) -> bool:
        return point >= 0.0

    def least_scale(self, center: float) -> float:
        """Counts are held to be at least half as uneven as calls that come at random."""
        return 0.35 if self.shift else max(0.005 * abs(center), _LEAST)

    def steady_scale(self, center: float) -> float:
        return (1 if self.shift else 5) * self.least_scale(center)


class Logit(Plain):
    """Log odds, of shares between 0 and 1."""

    __slots__ = ("floor",)
    name: ClassVar[str] = "logit"

    def __init__(self, floor: float) -> None:
        self.floor = floor

    def forth(self, point: float) -> float:
        floor = self.floor
        point = floor if point < floor else 1 - floor if point > 1 - floor else point
        return log(point / (1 - point))

    def back(self, seen: float) -> float:
        return 1 / (1 + exp(-max(min(seen, 50.0), -50.0)))

    def fits(self, point: float) -> bool:
        return 0.0 <= point <= 1.0

    def least_scale(self, center: float) -> float:
        return 0.01


Transform = Plain | Log | Root | Logit


def packed_transform(transform: Transform) -> dict[str, Any]:
    """Return a transform as JSON types."""
    names = [name for name in ("shift", "floor") if hasattr(transform, name)]
    return {"name": transform.name, **{name: getattr(transform, name) for name in names}}


def unpacked_transform(values: Mapping[str, Any]) -> Transform:
    """Return what :func:`packed_transform` was given."""
    kinds = {kind.name: kind for kind in (Plain, Log, Root, Logit)}
    return kinds[values["name"]](**{k: float(v) for k, v in values.items() if k != "name"})
