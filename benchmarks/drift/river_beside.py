"""River's detectors on the labelled series: as they come, and behind our front end."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.drift.labelled import Score, scored
from benchmarks.drift.tables import Comparison

HEADINGS = ("detector", "F1", "false alarms per 1,000 points", "found", "median delay")
TITLE = "Numeric series: river's detectors beside ours"
EVERY = 4
"""Every so many series are tried: river is slow."""


def comparison(rows: Sequence[dict[str, Any]], ours: Score) -> Comparison:
    """Return river's scores beside ours; a row that says so where river is not installed."""
    if importlib.util.find_spec("river") is None:
        note = ("river is not installed: pip install 'holdfast[river]'", "", "", "", "")
        return Comparison(title=TITLE, headings=HEADINGS, rows=[note])
    from benchmarks.drift.numeric import cells

    found = [cells("ours, all series", ours)]
    found += [cells(name, score) for name, score in _scores(rows[::EVERY])]
    return Comparison(title=f"{TITLE} (every {EVERY}th series)", headings=HEADINGS, rows=found)


def _scores(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Score]]:
    from benchmarks.drift.numeric import ours

    yield "ours", scored(rows, ours)["all"]
    for pattern in _patterns():
        name = type(pattern).__name__
        yield f"{name}, raw", scored(rows, _raw(pattern))["all"]
        yield f"{name}, our front end", scored(rows, _behind(pattern))["all"]


def _patterns() -> list[Any]:
    from checkpoints.drift.river import ADWIN, KSWIN, PageHinkley

    return [ADWIN(), PageHinkley(), KSWIN(seed=1)]


def _raw(pattern: Any) -> Callable[[dict[str, Any]], list[int]]:
    def signals(row: dict[str, Any]) -> list[int]:
        detector, found = pattern.clone(), []
        for number, value in enumerate(row["x"]):
            detector.update(value)
            if detector.drift_detected:
                found.append(number)
                detector = pattern.clone()
        return found

    return signals


def _behind(pattern: Any) -> Callable[[dict[str, Any]], list[int]]:
    from benchmarks.drift.numeric import indexes
    from checkpoints.drift.river import RiverDetector

    return lambda row: indexes(RiverDetector(pattern, row["metric"]).update, row["x"])
