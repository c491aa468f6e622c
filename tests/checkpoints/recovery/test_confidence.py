"""Confidence begins as an expert's opinion and is overruled by what was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints import Strategy
from checkpoints.recovery import ERROR_CLASSES, ErrorName
from checkpoints.recovery.beta import cumulative, quantile
from checkpoints.recovery.confidence import Confidence, Experience, Trying

TIMEOUT = ERROR_CLASSES[ErrorName.TIMEOUT]
RETRY = Strategy.RETRY_CURRENT_STEP


def outcomes(*recovered: bool, agent_id: str = "a") -> list[Trying]:
    return [
        Trying(error=ErrorName.TIMEOUT, strategy=RETRY, agent_id=agent_id, recovered=one)
        for one in recovered
    ]


def believed(tryings: list[Trying], agent_id: str = "a") -> Confidence:
    return Experience.of(tryings).confidence(TIMEOUT, RETRY, agent_id)


@pytest.mark.parametrize(
    ("share", "good", "bad", "value"),
    [(0.1, 2, 3, 0.14255931671), (0.9, 50, 3, 0.97861922251), (0.5, 1, 1, 0.5)],
)
def test_quantiles_are_those_of_the_beta_distribution(
    share: float, good: float, bad: float, value: float
) -> None:
    """The figures are SciPy's (beta.ppf)."""
    assert quantile(share, good, bad) == pytest.approx(value, abs=1e-9)


@given(st.floats(0.001, 0.999), st.floats(0.05, 500), st.floats(0.05, 500))
def test_a_quantile_holds_the_share_that_it_was_asked_for(
    share: float, good: float, bad: float
) -> None:
    value = quantile(share, good, bad)
    assert 0.0 <= value <= 1.0
    if 1e-9 < value < 1 - 1e-9:
        assert cumulative(value, good, bad) == pytest.approx(share, abs=1e-6)


def test_without_outcomes_it_is_the_experts_order() -> None:
    means = [Experience().confidence(TIMEOUT, s).mean for s in TIMEOUT.strategies]
    assert means == sorted(means, reverse=True)
    assert "no outcome yet" in str(believed([]))


def test_outcomes_overrule_the_expert() -> None:
    assert believed(outcomes(*[False] * 20)).mean < 0.15
    assert str(believed(outcomes(*[False] * 20))) == "20 outcomes, 20 of them this agent's"


def test_the_interval_narrows_as_outcomes_come() -> None:
    found = [believed(outcomes(*[True] * n)) for n in (1, 10, 100)]
    widths = [one.high - one.low for one in found]
    assert widths == sorted(widths, reverse=True)


def test_an_agents_own_outcomes_outweigh_those_of_the_others() -> None:
    others = outcomes(*[True] * 100, agent_id="b")
    assert believed(others).mean > 0.9
    own = believed(others + outcomes(*[False] * 20))
    assert own.mean < 0.4
    assert (own.outcomes, own.of_agent) == (120, 20)


def test_old_outcomes_fade() -> None:
    long_ago = outcomes(*[False] * 300)
    assert believed(long_ago + outcomes(*[True] * 300)).mean > 0.7


def test_ten_thousand_outcomes_stay_finite() -> None:
    assert 0.0 < believed(outcomes(*[True, False] * 5_000)).mean < 1.0
