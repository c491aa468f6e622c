"""What leaves its band is found once, and said with its form, direction and onset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.drift.numeric import SeriesDetector
from checkpoints.drift.signals import Direction, Pattern, Signal, SignalKind
from tests.checkpoints.drift.numeric.series import latencies, levels, signals


def test_calm_series_are_hardly_ever_remarked_on() -> None:
    calm = [latencies(1000, seed=seed) for seed in range(20)]
    assert sum(len(signals(SeriesDetector("latency"), values)) for values in calm) <= 10


@pytest.mark.parametrize(("factor", "direction"), [(2.5, Direction.UP), (0.4, Direction.DOWN)])
def test_a_new_level_is_one_signal(factor: float, direction: Direction) -> None:
    after = latencies(300, seed=2, middle=2.0 * factor)
    found = signals(SeriesDetector("latency"), latencies(100) + after)
    assert len(found) == 1
    assert found[0].direction is direction
    assert abs(found[0].onset - 100) <= 2
    assert found[0].index - 100 <= 8


def test_a_small_step_is_a_level() -> None:
    [found] = signals(SeriesDetector("score"), levels(200) + levels(60, seed=2, middle=1.6))
    assert (found.kind, found.pattern) == (SignalKind.METRIC, Pattern.LEVEL)


def test_a_slow_rise_is_a_ramp() -> None:
    rising = [value * 1.012**n for n, value in enumerate(latencies(60, seed=2, spread=0.1))]
    found = signals(SeriesDetector("latency"), latencies(200, spread=0.1) + rising)
    assert (found[0].pattern, found[0].direction) == (Pattern.RAMP, Direction.UP)


def test_points_that_scatter_more_are_a_variance() -> None:
    [found] = signals(SeriesDetector("score"), levels(200) + [2.3, -2.3] * 20)
    assert (found.pattern, found.direction) == (Pattern.VARIANCE, Direction.UP)
    assert abs(found.onset - 200) <= 3


def test_one_point_far_out_is_a_spike_and_the_series_is_as_before() -> None:
    detector = SeriesDetector("latency")
    values = latencies(100)
    [found] = signals(detector, [*values, 60.0, *latencies(200, seed=2)])
    assert (found.pattern, found.onset, found.index) == (Pattern.SPIKE, 100, 100)
    assert detector.band is not None
    assert 1.5 < detector.band.center < 2.5


def test_a_metric_that_stops_changing_is_a_flatline() -> None:
    values = latencies(60)
    [found] = signals(SeriesDetector("latency"), values + [values[-1]] * 100)
    assert (found.pattern, found.onset, found.direction) == (
        Pattern.FLATLINE,
        59,
        Direction.EITHER,
    )
    assert found.index < 59 + 15


def test_after_an_episode_the_new_level_is_the_usual_one() -> None:
    detector = SeriesDetector("latency")
    signals(detector, latencies(100) + latencies(60, seed=2, middle=8.0))
    assert detector.band is not None
    assert 6.5 < detector.band.center < 9.5
    assert len(signals(detector, latencies(60, seed=3))) == 1


def test_a_counter_is_watched_by_its_rises() -> None:
    total, values = 0.0, []
    for step in latencies(100) + latencies(60, seed=2, middle=6.0):
        total += step
        values.append(total)
    detector = SeriesDetector("tokens_total")
    [found] = signals(detector, values)
    assert abs(found.onset - 100) <= 3
    assert "steps" in found.evidence.words


def test_a_counter_that_restarts_is_no_drift() -> None:
    values: list[float] = []
    for run in range(6):
        total = 0.0
        for step in latencies(40, seed=run):
            total += step
            values.append(total)
    assert signals(SeriesDetector("tokens_total"), values) == []


def test_earlier_runs_spare_the_warming_up() -> None:
    detector = SeriesDetector("latency", baseline=latencies(100))
    assert detector.band is not None
    [found] = signals(detector, latencies(12, seed=2, middle=8.0))
    assert found.onset == 0
    assert found.evidence.baseline_n == 100


def test_a_changed_unit_is_one_episode_and_said() -> None:
    milliseconds = [1000 * value for value in latencies(200, seed=2)]
    [found] = signals(SeriesDetector("latency"), latencies(100) + milliseconds)
    assert "unit" in found.evidence.words


def test_evidence_holds_the_numbers_it_rests_on() -> None:
    [found] = signals(SeriesDetector("score"), levels(200) + levels(60, seed=2, middle=1.6))
    evidence = found.evidence
    assert evidence.window == (found.onset, found.index)
    assert evidence.baseline_median == pytest.approx(0.0, abs=0.3)
    assert evidence.baseline_mad == pytest.approx(0.67, abs=0.2)
    assert evidence.baseline_n > 100
    assert evidence.observed == pytest.approx(1.6, abs=0.8)
    assert found.score > found.threshold
    assert "score rose" in evidence.words
    assert f"{evidence.baseline_n} points" in evidence.words


def test_a_signal_tells_when_it_began() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    detector = SeriesDetector("latency")
    found: list[Signal] = []
    for n, value in enumerate(latencies(100) + latencies(20, seed=2, middle=6.0)):
        signal = detector.update(value, start + timedelta(minutes=n))
        found += [signal] if signal else []
    assert found[0].onset_at == start + timedelta(minutes=found[0].onset)
    assert found[0].at == start + timedelta(minutes=found[0].index)


def test_what_somebody_called_no_drift_is_usual_at_once() -> None:
    detector = SeriesDetector("latency")
    assert signals(detector, latencies(100) + latencies(10, seed=2, middle=3.5))
    detector.learn_normal()
    assert signals(detector, latencies(200, seed=3, middle=3.5)) == []
    assert detector.band is not None
    assert 2.8 < detector.band.center < 4.2


def test_the_band_holds_nine_in_ten_points() -> None:
    detector = SeriesDetector("latency")
    values = latencies(400)
    signals(detector, values)
    band = detector.band
    assert band is not None
    inside = sum(band.low <= value <= band.high for value in values)
    assert 0.85 < inside / len(values) < 0.95
