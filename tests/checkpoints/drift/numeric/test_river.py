"""River's detectors behind our front end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("river")

from checkpoints.drift.river import ADWIN, KSWIN, PageHinkley, RiverDetector
from tests.checkpoints.drift.numeric.series import latencies


def test_a_drift_is_a_signal_with_the_usual_in_words() -> None:
    detector = RiverDetector(PageHinkley(min_instances=10, threshold=40.0), "latency")
    values = latencies(150) + latencies(40, seed=2, middle=8.0)
    found = [signal for n, value in enumerate(values) if (signal := detector.update(value, n))]
    assert 150 <= found[0].index < 170
    assert found[0].at == found[0].index
    assert "PageHinkley finds a drift in latency" in found[0].evidence.words
    assert found[0].evidence.baseline_median == pytest.approx(2.0, rel=0.2)


@pytest.mark.parametrize("pattern", [ADWIN(), KSWIN(seed=1), PageHinkley()])
def test_each_of_them_takes_a_calm_series(pattern: object) -> None:
    detector = RiverDetector(pattern, "latency", baseline=latencies(60))  # type: ignore[arg-type]
    assert detector.band is not None
    found = [detector.update(value) for value in latencies(200, seed=5)]
    assert sum(signal is not None for signal in found) <= 3


def test_what_the_front_end_learnt_is_stored() -> None:
    detector = RiverDetector(ADWIN(), "latency")
    for value in latencies(100):
        detector.update(value)
    state = json.loads(json.dumps(detector.to_dict()))
    assert RiverDetector.from_dict(state, ADWIN()).band == detector.band


def test_the_sdk_does_not_import_river() -> None:
    check = "import sys, checkpoints, checkpoints.drift.numeric; sys.exit('river' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
