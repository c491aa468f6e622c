"""Times at which agents are heard of; some stop for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from math import log
from random import Random
from typing import Any

START = 1_760_000_000.0
DAY = 86_400.0
LENGTHS = (30, 60, 120, 300, 1000)
Gap = Callable[[Random, float], float]


def _regular(scale: float) -> Gap:
    return lambda random, _: scale * random.uniform(0.9, 1.1)


def _noisy(scale: float) -> Gap:
    return lambda random, _: random.lognormvariate(log(scale), 0.5)


def _heavy_tailed(scale: float) -> Gap:
    return lambda random, _: random.lognormvariate(log(scale), 1.2)


def _bursty(scale: float) -> Gap:
    """Return short gaps with a pause after about one in four."""
    return lambda random, _: (
        scale * (random.uniform(10, 40) if random.random() < 0.25 else random.uniform(0.5, 1.5))
    )


def _daily(scale: float) -> Gap:
    """Return gaps of an agent that works from 9 to 17 o'clock, about a dozen times a day."""

    def gap(random: Random, now: float) -> float:
        step = scale * random.uniform(0.7, 1.4)
        into = (now + step) % DAY
        return step if into < 8 * 3600 else step + DAY - into + random.uniform(0, 900)

    return gap


SHAPES: dict[str, Callable[[float], Gap]] = {
    "regular": _regular,
    "noisy": _noisy,
    "heavy-tailed": _heavy_tailed,
    "bursty": _bursty,
}


def gap_series(seed: int, *, each: int = 20) -> Iterator[dict[str, Any]]:
    """Yield ``each`` series per shape and length; half of them have a stall.

    A stall lasts 3 to 30 times as long as the longest of 99 in 100 gaps of the shape. ``x`` holds
    times in seconds.
    """
    random = Random(seed)
    for shape, made in SHAPES.items():
        for length in LENGTHS:
            for number in range(each):
                gap = made(random.choice([0.5, 5.0, 60.0, 900.0]))
                yield _series(random, shape, gap, length, stalled=number % 2 == 0)


def daily_series(seed: int, *, days: int, each: int = 20) -> Iterator[dict[str, Any]]:
    """Yield series of agents that pause every night; half of them stall once in the daytime.

    The first nights are no false alarms: ``x`` is judged from the third day on.
    """
    random = Random(seed)
    for number in range(each):
        length = days * 48
        row = _series(random, "daily", _daily(600.0), length, stalled=False)
        if number % 2 == 0:
            _stall_at_day(random, row, days)
        yield row


def _series(random: Random, shape: str, gap: Gap, length: int, *, stalled: bool) -> dict[str, Any]:
    now, moments = START - START % DAY, []
    for _ in range(length):
        now += gap(random, now)
        moments.append(now)
    label = None
    if stalled:
        start = random.randrange(length // 2, length - 2)
        long = sorted(b - a for a, b in pairwise(moments))
        pause = long[int(0.99 * len(long))] * random.uniform(3, 30)
        pause = max(pause, 15 * long[len(long) // 2])
        moments = [at + (pause if place >= start else 0) for place, at in enumerate(moments)]
        label = {"start": start, "window": 1}
    return {"metric": shape, "x": moments, "label": label}


def _stall_at_day(random: Random, row: dict[str, Any], days: int) -> None:
    """Take out what was heard between two and six o'clock of the shift, on one of the last days."""
    moments: list[float] = row["x"]
    begun = moments[0] - moments[0] % DAY + DAY * (days // 2) + random.uniform(1, 2) * 3600
    quiet = [at for at in moments if begun < at < begun + random.uniform(4, 5) * 3600]
    start = moments.index(quiet[0])
    row["x"] = [at for at in moments if at not in quiet]
    row["label"] = {"start": start, "window": 1}


def median_gaps(moments: list[float], *, times: float = 3.0) -> list[int]:
    """The naive rule: signal where a gap is three times the mean of all before."""
    gaps = [after - before for before, after in pairwise(moments)]
    sums = list(accumulate(gaps))
    return [
        place + 1
        for place in range(1, len(gaps))
        if place >= 8 and gaps[place] > times * sums[place - 1] / place
    ]
