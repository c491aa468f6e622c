"""A weak spike of one metric waits until another agrees."""

from __future__ import annotations

import json

from checkpoints.drift import Contribution, Pattern, Signal, SignalKind
from checkpoints.drift.fusion import TOGETHER, agreement
from checkpoints.drift.patience import CONFIRMS, WAIT, Patience
from checkpoints.drift.signals import Evidence
from checkpoints.testing import NOON


def signal(metric: str, *, score: float = 1.0, pattern: Pattern = Pattern.SPIKE) -> Contribution:
    said = Signal(
        kind=SignalKind.METRIC,
        metric=metric,
        onset=1,
        index=2,
        score=score,
        threshold=1.0,
        pattern=pattern,
        evidence=Evidence(words=metric),
    )
    return Contribution(signal=said, thread_id="main", onset_at=NOON, found_at=NOON)


def said(
    patience: Patience, number: int, *found: Contribution, most: float = 1.0, **pressures: float
) -> list[str]:
    released = patience.released(found, pressures=pressures, number=number, most=most)
    return [one.signal.metric for one in released]


def test_a_strong_signal_does_not_wait_and_a_spike_must_be_stronger() -> None:
    assert said(Patience(), 1, signal("cost", score=1.05, pattern=Pattern.LEVEL)) == ["cost"]
    assert said(Patience(), 1, signal("cost", score=1.05)) == []
    assert said(Patience(), 1, signal("cost", score=1.5)) == ["cost"]


def test_a_weak_one_waits_for_the_signal_of_another_metric() -> None:
    patience = Patience()
    assert said(patience, 1, signal("cost")) == []
    assert said(patience, WAIT, signal("tokens")) == ["cost", "tokens"]


def test_a_weak_one_waits_for_another_metric_to_press() -> None:
    patience = Patience()
    assert said(patience, 1, signal("cost")) == []
    assert said(patience, 2, cost=0.9, tokens=CONFIRMS / 2) == []
    patience = Patience.from_dict(json.loads(json.dumps(patience.to_dict())))
    assert said(patience, 3, tokens=CONFIRMS) == ["cost"]
    assert said(patience, 4, tokens=CONFIRMS) == []


def test_nobody_agrees_in_time_and_it_is_dropped() -> None:
    patience = Patience()
    assert said(patience, 1, signal("cost")) == []
    assert said(patience, WAIT + 2, tokens=1.0) == []
    assert said(patience, WAIT + 3, signal("tokens")) == []


def test_at_the_highest_sensitivity_nothing_waits() -> None:
    assert said(Patience(), 1, signal("cost"), most=0.0) == ["cost"]


def test_one_metric_agrees_with_nobody_and_faint_ones_do_not_count() -> None:
    assert agreement([]) == agreement([5.0]) == agreement([1.4, 0.3]) == 0
    assert agreement([TOGETHER, 0.6]) > 1
    assert agreement([0.8, 0.8, 0.8]) < 1 < agreement([0.8, 0.8, 0.8, 0.8])
