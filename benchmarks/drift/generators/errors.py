"""Steps that fail with a constant chance, which may rise."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

LENGTHS = (30, 60, 120, 300, 1000)
USUAL = (0.0, 0.02, 0.05, 0.1)
RAISED = (None, None, 0.25, 0.4, 0.7)
WINDOW = 20


def error_series(seed: int, *, each: int = 10) -> Iterator[dict[str, Any]]:
    """Yield ``each`` series per length, usual rate and raised rate, the clean ones twice."""
    random = Random(seed)
    for length in LENGTHS:
        for usual in USUAL:
            for raised in RAISED * each:
                yield _series(random, length, usual, raised)


def _series(random: Random, length: int, usual: float, raised: float | None) -> dict[str, Any]:
    start = random.randrange(length // 2, 3 * length // 4)
    rates = [raised if raised and place >= start else usual for place in range(length)]
    label = {"start": start, "window": min(WINDOW, length - start)} if raised else None
    return {"metric": "errors", "x": [random.random() < rate for rate in rates], "label": label}
