"""One agent under watch: one episode for what belongs together, bounded, the same after JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from checkpoints.drift import AgentDetector, Episode, Observation, SignalKind, ToolCall
from checkpoints.testing import NOON

METRICS = ("duration", "tokens", "cost")


def told(number: int, **values: Any) -> Observation:
    given = {"at": NOON + timedelta(seconds=10 * number), "checkpoint_id": f"c{number}", **values}
    return Observation(**given)


def run(
    length: int, *, seed: int = 1, shift: float = 1.0, start: int = 60, **more: Any
) -> Iterator[Observation]:
    """Yield checkpoints whose metrics vary around a level that changes at a point."""
    random = Random(seed)
    for number in range(length):
        level = 100 * (shift if number >= start else 1.0)
        metrics = {name: level * math.exp(random.gauss(0, 0.2)) for name in METRICS}
        yield told(number, metrics=metrics, **more)


def episodes(detector: AgentDetector, observations: Iterator[Observation]) -> list[Episode]:
    """Return each episode as it was in the end, oldest first."""
    found: dict[int, Episode] = {}
    for observation in observations:
        episode = detector.update(observation)
        if episode is not None:
            found[episode.number] = episode
    return list(found.values())


def test_a_calm_agent_has_no_episode() -> None:
    assert episodes(AgentDetector(), run(400)) == []


def test_three_metrics_that_change_together_are_one_episode_with_its_onset() -> None:
    (found,) = episodes(AgentDetector(), run(90, shift=3.0))
    assert {one.signal.metric for one in found.contributions} == set(METRICS)
    assert found.onset_checkpoint in {"c58", "c59", "c60", "c61"}
    assert found.onset_at == told(int((found.onset_checkpoint or "c0")[1:])).at
    assert found.severity == "high"


def test_an_episode_grows_while_it_is_open_and_says_so_each_time() -> None:
    detector, sizes = AgentDetector(), []
    for observation in run(90, shift=3.0):
        episode = detector.update(observation)
        if episode is not None:
            sizes.append(len(episode.contributions))
    assert sizes == sorted(sizes)
    assert detector.episode is not None
    assert len(detector.episode.contributions) == sizes[-1]


def test_an_episode_of_which_nothing_more_is_heard_is_over_and_the_next_is_another() -> None:
    detector = AgentDetector()
    first = episodes(detector, run(140, shift=3.0))
    assert detector.episode is None
    later = [told(200 + n, damage="cut off") for n in range(2)]
    assert [one.number for one in episodes(detector, iter(later))] == [first[-1].number + 1]


def test_after_json_it_goes_on_exactly_where_it_stood() -> None:
    straight, stopped = AgentDetector(), AgentDetector()
    for observation in run(90, shift=1.6, state={"a": [1]}, failed=False):
        expected = straight.update(observation)
        stopped = AgentDetector.from_dict(json.loads(json.dumps(stopped.to_dict())))
        assert stopped.update(observation) == expected


def test_values_of_another_format_are_refused() -> None:
    with pytest.raises(ValueError, match="Begin with a new one"):
        AgentDetector.from_dict({"format": 99})


def test_the_same_checkpoint_counts_once() -> None:
    detector = AgentDetector()
    for observation in run(5):
        detector.update(observation)
        assert detector.update(observation) is None
    assert detector.count == 5


def test_interleaved_threads_that_begin_small_are_no_drift() -> None:
    random, detector = Random(3), AgentDetector()
    sizes: dict[str, float] = {}
    for number in range(400):
        thread = f"t{number // 60}-{random.randrange(3)}"
        sizes[thread] = sizes.get(thread, 500.0) + 100 * math.exp(random.gauss(0, 0.3))
        seen = told(number, thread_id=thread, metrics={"state_size": sizes[thread]})
        assert detector.update(seen) is None


def test_a_state_that_grows_faster_than_it_did_is_drift_in_any_thread() -> None:
    random, detector = Random(3), AgentDetector()
    sizes: dict[str, float] = {}
    found = []
    for number in range(300):
        thread = f"t{number // 60}-{random.randrange(2)}"
        by = 100.0 if number < 200 else 500.0
        sizes[thread] = sizes.get(thread, 500.0) + by * math.exp(random.gauss(0, 0.3))
        episode = detector.update(
            told(number, thread_id=thread, metrics={"state_size": sizes[thread]})
        )
        found += [number] if episode else []
    assert found
    assert 200 <= found[0] < 215


def test_a_step_has_bands_of_its_own() -> None:
    detector = AgentDetector()
    random = Random(1)
    for number in range(200):
        slow = number % 2 == 1
        metrics = {"duration": (50 if slow else 1) * math.exp(random.gauss(0, 0.1))}
        step = "search" if slow else "answer"
        assert detector.update(told(number, metrics=metrics, step_name=step)) is None
    assert detector.bands["search", "duration"].center == pytest.approx(50, rel=0.1)
    assert detector.bands["answer", "duration"].center == pytest.approx(1, rel=0.1)


def test_what_is_too_much_is_refused_with_a_reason_and_its_values_stay_bounded() -> None:
    detector = AgentDetector()
    for number in range(300):
        metrics = {f"m{number % 150}": 1.0}
        detector.update(
            told(number, metrics=metrics, step_name=f"step {number}", thread_id=f"t{number}")
        )
    assert "series of this agent are watched already" in " ".join(detector.refused.values())
    assert "step names have series of their own" in " ".join(detector.refused.values())
    assert len(json.dumps(detector.to_dict())) < 400_000


@pytest.mark.parametrize("sensitivity", [-0.1, 1.1, "loud", None, True])
def test_what_is_no_sensitivity_is_refused(sensitivity: Any) -> None:
    with pytest.raises(ValueError, match="sensitivity"):
        AgentDetector(sensitivity=sensitivity)
    with pytest.raises(ValueError, match="sensitivity"):
        AgentDetector(sensitivities={"tokens": sensitivity})


def test_a_metric_of_low_sensitivity_keeps_quiet_where_others_speak() -> None:
    quiet = AgentDetector(sensitivities=dict.fromkeys(METRICS, 0.0))
    loud = AgentDetector(sensitivities=dict.fromkeys(METRICS, 1.0))
    many = sum(len(episodes(loud.fresh(), run(200, seed=seed))) for seed in range(5))
    few = sum(len(episodes(quiet.fresh(), run(200, seed=seed))) for seed in range(5))
    assert few < many


def test_a_level_that_was_called_normal_is_not_told_again() -> None:
    detector = AgentDetector()
    observations = list(run(200, shift=3.0))
    assert episodes(detector, iter(observations[:75]))
    for metric in METRICS:
        detector.learn_normal(metric)
    detector.close()
    assert episodes(detector, iter(observations[75:])) == []


def test_failures_loops_damage_and_lost_fields_are_episodes_too() -> None:
    call = ToolCall(tool="search", arguments="q", result="nothing")
    kinds: dict[SignalKind, list[dict[str, Any]]] = {
        SignalKind.ERROR_RATE: [{"failed": number > 40} for number in range(60)],
        SignalKind.LOOP: [{"calls": [call]} for _ in range(20)],
        SignalKind.CORRUPTION: [{}, {"damage": "cut off"}],
        SignalKind.INCONSISTENCY: [{"state": {"memory": {"a": 1}}}, {"state": {"memory": {}}}],
    }
    for kind, values in kinds.items():
        seen = (told(number, **each) for number, each in enumerate(values))
        (found,) = episodes(AgentDetector(), seen)
        assert {one.signal.kind for one in found.contributions} == {kind}


def test_divergence_is_called_so() -> None:
    random = Random(4)
    seen = (
        told(n, metrics={"divergence": (0.1 if n < 60 else 0.8) + random.gauss(0, 0.02)})
        for n in range(90)
    )
    (found,) = episodes(AgentDetector(), seen)
    assert found.first.signal.kind is SignalKind.DIVERGENCE


def test_silence_is_told_once_while_it_lasts() -> None:
    detector = AgentDetector()
    for observation in run(40):
        detector.update(observation)
    due = detector.due_at()
    assert due is not None
    assert detector.check(due - timedelta(seconds=1)) is None
    found = detector.check(due + timedelta(minutes=5))
    assert found is not None
    assert found.first.signal.kind is SignalKind.STALL
    assert found.first.found_checkpoint == "c39"
    assert detector.check(due + timedelta(hours=1)) is None


@pytest.mark.parametrize("rest", ["waits", "another run"])
def test_an_agent_that_rests_is_not_silent(rest: str) -> None:
    detector = AgentDetector()
    *work, last = run(40, run_id="run-1")
    for observation in work:
        detector.update(observation)
    if rest == "waits":
        detector.update(told(39, run_id="run-1", rests=True))
        assert detector.check(last.at + timedelta(days=3)) is None
    later = told(40, at=last.at + timedelta(days=3), run_id="run-2")
    assert detector.update(later) is None
    assert detector.update(told(41, at=later.at + timedelta(seconds=9), run_id="run-2")) is None


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 0.0, -1e300, 1e300, 5e-324], ids=str
)
def test_odd_numbers_raise_nothing(value: float) -> None:
    detector = AgentDetector()
    for number, observation in enumerate(run(80)):
        odd = {**observation.metrics, "odd": value if number % 7 else 1.0}
        detector.update(told(number, metrics=odd))
        json.dumps(detector.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "at",
    [
        lambda n: NOON,
        lambda n: NOON - timedelta(days=n),
        lambda n: NOON + timedelta(days=400 * (n % 3)),
        lambda n: datetime.max.replace(tzinfo=NOON.tzinfo) if n == 30 else NOON,
    ],
    ids=["one time", "backwards", "out of order", "the end of time"],
)
def test_odd_times_raise_nothing(at: Any) -> None:
    detector = AgentDetector()
    for number, observation in enumerate(run(60)):
        detector.update(told(number, at=at(number), metrics=observation.metrics))
    detector.check(NOON + timedelta(days=3))
    detector.due_at()


def test_ten_points_are_not_enough_to_be_sure_of_a_number() -> None:
    seen = (told(n, metrics={"tokens": 10.0 * 3**n}) for n in range(10))
    assert episodes(AgentDetector(), seen) == []


def test_a_constant_is_no_drift_and_a_gap_in_a_metric_neither() -> None:
    seen = (told(n, metrics={"tokens": 100.0} if n % 5 else {}) for n in range(200))
    assert episodes(AgentDetector(), seen) == []


def test_a_quick_agent_that_pauses_for_seconds_does_not_stall() -> None:
    detector = AgentDetector()
    for number in range(40):
        detector.update(told(number, at=NOON + timedelta(milliseconds=number)))
    last = NOON + timedelta(milliseconds=39)
    assert detector.check(last + timedelta(seconds=50)) is None
    assert detector.due_at() == last + timedelta(minutes=1)
    assert detector.update(told(40, at=last + timedelta(seconds=50))) is None


def test_a_list_that_came_to_its_cap_is_no_drift() -> None:
    random, detector, kept = Random(9), AgentDetector(), 0.0
    for number in range(300):
        kept = min(kept + random.uniform(0.5, 1.5), 60.0)
        sizes = {"memory_items": round(kept), "state_size": 120 + 40 * kept + random.random()}
        assert detector.update(told(number, metrics=sizes)) is None


def test_a_silence_alone_is_never_severe() -> None:
    detector = AgentDetector()
    for number in range(60):
        detector.update(told(number, metrics={}))
    late = detector.due_at()
    assert late is not None
    found = detector.check(late + timedelta(days=9))
    assert found is not None
    assert found.severity == "low"


@pytest.mark.parametrize("seed", range(6))
def test_one_metric_of_several_that_goes_and_stays_away_is_drift(seed: int) -> None:
    """It may begin with a weak spike, after which nothing new is signalled."""
    random, detector, found = Random(seed), AgentDetector(), []
    for number in range(70):
        excess = max(0, number - 44)
        metrics = {
            "tokens": random.randint(380, 460) + 60.0 * excess,
            "seconds": random.gauss(3, 0.2),
            "cost": random.gauss(1, 0.1),
        }
        found.append(detector.update(told(number, metrics=metrics)))
    assert not any(found[:44])
    assert any(found[44:60])


def test_a_constant_is_no_flatline() -> None:
    detector = AgentDetector()
    for number in range(100):
        metrics = {"memory_items": 40.0, "budget": 12.5}
        assert detector.update(told(number, metrics=metrics)) is None
