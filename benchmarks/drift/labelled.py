"""Labelled series, and what signals on them are worth."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.drift.tables import Missing

DATA = Path(
    os.environ.get("HOLDFAST_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)


def lines(name: str) -> Iterator[dict[str, Any]]:
    """Yield the values of a file of labelled data, a line each.

    Raises:
        Missing: The file is not there.

    """
    path = DATA / "intel" / name
    if not path.is_file():
        raise Missing(f"There is no {path}; set HOLDFAST_TEST_DATA to the folder of test data.")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


@dataclass(slots=True, kw_only=True)
class Score:
    """Counts over several series.

    A signal in [start, start + window) is a hit, one after that neither hit nor false alarm, and
    one before the start or in a clean series a false alarm.
    """

    drifted: int = 0
    hits: int = 0
    false_alarms: int = 0
    points: int = 0
    delays: list[int] = field(default_factory=list)

    @property
    def f1(self) -> float:
        """Twice the hits over hits, false alarms and drifts; every false alarm counts."""
        return 2 * self.hits / max(1, self.hits + self.false_alarms + self.drifted)

    @property
    def per_thousand(self) -> float:
        """False alarms per 1,000 points."""
        return 1000 * self.false_alarms / max(1, self.points)

    @property
    def delay(self) -> float | None:
        """Median points from the start of a drift to the signal that hit it."""
        return median(self.delays) if self.delays else None

    def add(self, series: dict[str, Any], signals: Sequence[int]) -> None:
        """Count the indexes at which a detector signalled on a labelled series."""
        label, length = series["label"], len(series["x"])
        start = label["start"] if label else length
        self.points += length
        self.false_alarms += sum(index < start for index in signals)
        if label:
            window = range(start, start + label["window"])
            inside = [index for index in signals if index in window]
            self.drifted += 1
            self.hits += bool(inside)
            self.delays += [index - start for index in inside[:1]]


def scored(
    rows: Sequence[dict[str, Any]], signals_of: Callable[[dict[str, Any]], Sequence[int]]
) -> dict[str, Score]:
    """Return the score of each metric, and of all together as ``all``."""
    scores = {"all": Score()}
    for row in rows:
        signals = signals_of(row)
        scores["all"].add(row, signals)
        scores.setdefault(row["metric"], Score()).add(row, signals)
    return scores
