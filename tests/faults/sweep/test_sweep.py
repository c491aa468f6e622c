"""No kill, sleep, race or stale message loses a checkpoint, does a thing twice or goes untold."""

from __future__ import annotations

import pytest

from tests.faults.sweep import report

REAL = ("sqlite", "postgresql", "file", "langgraph")


@pytest.mark.timeout(2400)
def test_nothing_is_violated_in_five_thousand_scenarios(postgresql_url: str) -> None:
    swept = {one.kind: one for one in report.sweep(report.SHORT_SHARES)}

    assert {name: lines for one in swept.values() for name, lines in one.wrong.items()} == {}
    assert sum(one.played for one in swept.values()) >= 5000
    assert {kind: swept[kind].played for kind in REAL if swept[kind].played < 500} == {}
    assert {kind: one.by_act for kind, one in swept.items() if len(one.by_act) < 15} == {}
    assert swept.keys() == report.TITLES.keys()


@pytest.mark.timeout(1200)
def test_each_safety_feature_is_missed_when_it_is_switched_off() -> None:
    found = report.features()

    assert len(found) >= 10
    assert [one["feature"] for one in found if not one["wrong"]] == []


@pytest.mark.timeout(1200)
def test_with_all_safety_features_on_the_same_faults_do_no_harm() -> None:
    assert [one for one in report.features(per_feature=4, intact=True) if one["wrong"]] == []
