"""Our detector of numeric series beside river's, on the labelled series, and what it costs."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from random import Random
from statistics import median
from typing import Any

from benchmarks.drift.labelled import Score, lines, scored
from benchmarks.drift.tables import Comparison, goals
from benchmarks.measure import Bound, Row
from checkpoints.drift.numeric import SeriesDetector

Rows = Sequence[dict[str, Any]]
METRICS = 6
AGENTS = 1000
GRADES = (0.3, 0.5, 0.7)
_HEADINGS = ("metrics", "F1", "false alarms per 1,000 points", "found", "median delay")


def tables() -> Iterator[Comparison]:
    """Yield what is promised, each metric by itself, river beside us, and the cost."""
    rows = labelled()
    scores = scored(rows, ours)
    yield goals("Numeric series: what is promised", promised(rows, scores["all"]))
    yield Comparison(
        title="Numeric series, metric by metric",
        headings=_HEADINGS,
        rows=[cells(name, score) for name, score in scores.items()],
    )
    yield left_out(rows)
    from benchmarks.drift import river_beside

    yield river_beside.comparison(rows, scores["all"])
    yield goals("Numeric series: what it costs", costs(rows))


@cache
def labelled() -> Rows:
    """Return the labelled series."""
    return list(lines("numeric_dev.jsonl.gz"))


def ours(row: dict[str, Any], sensitivity: float = 0.5) -> list[int]:
    """Return where our detector signals on a series."""
    detector = SeriesDetector(row["metric"], sensitivity=sensitivity)
    return indexes(detector.update, row["x"])


def indexes(update: Callable[[float], object | None], values: Sequence[float]) -> list[int]:
    """Return the indexes of the values at which something was said."""
    return [number for number, value in enumerate(values) if update(value) is not None]


def cells(name: str, score: Score) -> tuple[str, ...]:
    """Write a score as a row."""
    found = f"{score.hits} of {score.drifted}"
    delay = "" if score.delay is None else f"{score.delay:g}"
    return name, f"{score.f1:.3f}", f"{score.per_thousand:.2f}", found, delay


def promised(rows: Rows, score: Score) -> Iterator[Row]:
    """Yield the figures that are promised, over all, the worst metric and the worst half."""
    at_least = Bound.AT_LEAST
    yield Row(name="F1", value=score.f1, unit="", goal=0.70, bound=at_least)
    yield Row(name="false alarms per 1,000 points", value=score.per_thousand, unit="", goal=0.5)
    yield Row(name="median delay", value=score.delay, unit="points", goal=8)
    families = {name: one for name, one in scored(rows, ours).items() if name != "all"}
    name, worst = min(families.items(), key=lambda item: item[1].f1)
    yield Row(
        name="F1, worst metric", value=worst.f1, unit="", goal=0.64, bound=at_least, note=name
    )
    name, worst = max(families.items(), key=lambda item: item[1].per_thousand)
    yield Row(
        name="false alarms, worst metric", value=worst.per_thousand, unit="", goal=0.77, note=name
    )


def left_out(rows: Rows) -> Comparison:
    """Choose the sensitivity by six metrics and try it on the seventh, for each in turn."""
    graded = {grade: scored(rows, partial(ours, sensitivity=grade)) for grade in GRADES}
    names = [name for name in graded[GRADES[0]] if name != "all"]
    return Comparison(
        title="Numeric series: the sensitivity chosen by six metrics, tried on the seventh",
        headings=(*_HEADINGS, "sensitivity"),
        rows=[_left_out_row(graded, names, name) for name in names],
    )


def _left_out_row(
    graded: dict[float, dict[str, Score]], names: Sequence[str], name: str
) -> tuple[str, ...]:
    """Write the score of a metric at the sensitivity that is best for the others."""
    others = [other for other in names if other != name]
    best = max(graded, key=lambda grade: sum(graded[grade][other].f1 for other in others))
    return (*cells(name, graded[best][name]), f"{best:g}")


def costs(rows: Rows) -> Iterator[Row]:
    """Yield time per point, the time to import, and what a thousand agents take."""
    yield Row(
        name="time per point, labelled series", value=per_point(rows[:400]), unit="µs", goal=10
    )
    yield Row(name="importing checkpoints.drift.numeric", value=import_ms(), unit="ms", goal=50)
    second, most, size = fleet()
    name = f"{AGENTS:,} agents × {METRICS} metrics: a point of each"
    yield Row(name=name, value=second, unit="ms", goal=1000, note="mean of 300 points")
    note = "all 6,000 began at once, so that they learn at once"
    yield Row(name="the same, the slowest second", value=most, unit="ms", note=note)
    yield Row(name="memory of these", value=size, unit="MB")


def per_point(rows: Rows) -> float:
    """Return the median of five runs, in µs of processor time for a point."""
    count = sum(len(row["x"]) for row in rows)
    times = []
    for _ in range(5):
        start = time.process_time()
        for row in rows:
            ours(row)
        times.append(time.process_time() - start)
    return median(times) / count * 1e6


def import_ms() -> float:
    """Return the processor time of the import in ms, above that of Python alone; median of nine."""
    return median(_started("import checkpoints.drift.numeric") - _started("pass") for _ in range(9))


def _started(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def fleet() -> tuple[float, float, float]:
    """Return mean and largest ms for a point of each of 6,000 metrics, and MB they added."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    detectors = [SeriesDetector(f"metric {n % METRICS}") for n in range(AGENTS * METRICS)]
    random, size = Random(1), 300
    for detector in detectors:
        detector.update(1.0)
    times = []
    for _ in range(size):
        values = [random.lognormvariate(0, 0.5) for _ in detectors]
        start = time.process_time()
        for detector, value in zip(detectors, values, strict=True):
            detector.update(value)
        times.append(time.process_time() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return sum(times) / size * 1000, max(times) * 1000, grown / 1024
