"""The band that a chart draws around what a metric was before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from checkpoints.drift import SeriesDetector
from checkpoints.drift.episodes import Contribution
from checkpoints.drift.signals import Signal
from dashboard.selectors.drift_series import _limits

AT = datetime(2026, 5, 1, tzinfo=UTC)


def _first(values: list[float]) -> Signal:
    detector = SeriesDetector("tokens")
    return next(found for value in values if (found := detector.update(value)))


def _limits_of(signal: Signal) -> tuple[float | None, float | None, float | None]:
    told = Contribution(signal=signal, thread_id="main", onset_at=AT, found_at=AT)
    return _limits(told)


def test_a_level_has_a_band_around_its_values() -> None:
    random = Random(1)
    signal = _first([random.gauss(500 if n < 60 else 1500, 20) for n in range(90)])
    middle, low, high = _limits_of(signal)
    assert None not in (middle, low, high)
    assert low < 500 < high  # type: ignore[operator]


def test_what_grows_has_no_band_as_its_numbers_are_of_its_growth() -> None:
    random, total, values = Random(1), 0.0, []
    for n in range(120):
        total += random.gauss(50 if n < 80 else 400, 4)
        values.append(total)
    signal = _first(values)
    assert signal.evidence.between_points
    assert Signal.from_dict(signal.to_dict()) == signal
    assert _limits_of(signal) == (None, None, None)


def test_a_baseline_without_a_width_is_not_drawn_as_a_band() -> None:
    random = Random(1)
    signal = _first([random.gauss(500 if n < 60 else 1500, 20) for n in range(90)])
    signal = replace(signal, evidence=replace(signal.evidence, baseline_mad=None))
    assert _limits_of(signal) == (None, None, None)
