"""What is promised of labelled series holds, for all, for each metric left out, for halves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.drift import labelled
from benchmarks.drift.labelled import Score, lines
from checkpoints.drift.numeric import SeriesDetector

METRICS = ("cost", "divergence", "duration", "latency_heavy", "state_size", "tokens", "tool_calls")


@pytest.fixture(scope="module")
def outcomes(data_dir: Path) -> list[tuple[dict[str, Any], list[int]]]:
    """Each labelled series with the points at which it was remarked on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelled, "DATA", data_dir)
        rows = list(lines("numeric_dev.jsonl.gz"))
    found = []
    for row in rows:
        detector = SeriesDetector(row["metric"])
        signals = (detector.update(value) for value in row["x"])
        found.append((row, [signal.index for signal in signals if signal is not None]))
    return found


def scored(
    outcomes: list[tuple[dict[str, Any], list[int]]], wanted: Callable[[int, dict[str, Any]], bool]
) -> Score:
    score = Score()
    for number, (row, indexes) in enumerate(outcomes):
        if wanted(number, row):
            score.add(row, indexes)
    return score


def test_labelled_series(outcomes: list[tuple[dict[str, Any], list[int]]]) -> None:
    score = scored(outcomes, lambda number, row: True)
    assert score.f1 >= 0.80
    assert score.per_thousand <= 0.3
    assert score.delay is not None
    assert score.delay <= 6


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric(metric: str, outcomes: list[tuple[dict[str, Any], list[int]]]) -> None:
    score = scored(outcomes, lambda number, row: row["metric"] == metric)
    assert score.f1 >= 0.70
    assert score.per_thousand <= 0.5
    assert score.delay is not None
    assert score.delay <= 8


@pytest.mark.parametrize("half", [0, 1])
def test_halves(half: int, outcomes: list[tuple[dict[str, Any], list[int]]]) -> None:
    score = scored(outcomes, lambda number, row: number % 2 == half)
    assert score.f1 >= 0.80
    assert score.per_thousand <= 0.3


def test_without_the_names(outcomes: list[tuple[dict[str, Any], list[int]]]) -> None:
    """The name of a metric is a hint at most: every fourth series under a name unheard of."""
    score = Score()
    for row, _ in outcomes[::4]:
        detector = SeriesDetector("x")
        signals = (detector.update(value) for value in row["x"])
        score.add(row, [signal.index for signal in signals if signal is not None])
    assert score.f1 >= 0.78
    assert score.per_thousand <= 0.4
