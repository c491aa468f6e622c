from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from itertools import islice

import orjson
import pytest

from benchmarks import states
from benchmarks.agents.vocabulary import EVERYWHERE, invented, real
from benchmarks.measure import Bound, Row, p99

Series = Callable[[int], Iterator[states.State]]


@pytest.mark.parametrize("series", [states.append, states.small, states.mixed, states.large])
def test_a_series_is_the_same_each_time(series: Series) -> None:
    first, second = (list(map(orjson.dumps, islice(series(40), 12))) for _ in range(2))

    assert first == second


def test_the_growing_conversation_grows_evenly_from_9_kb_to_1_4_mb() -> None:
    sizes = [len(orjson.dumps(state)) for state in states.append(50)]

    assert sizes[0] == pytest.approx(9_000, rel=0.1)
    assert sizes[25] == pytest.approx(739_000, rel=0.1)
    assert sizes[-1] == pytest.approx(1_440_000, rel=0.01)


@pytest.mark.parametrize(
    ("series", "least", "most"), [(states.large, 0.30, 0.38), (states.small, 0.38, 0.5)]
)
def test_states_compress_like_those_of_real_agents(
    series: Series, least: float, most: float
) -> None:
    plain = orjson.dumps(next(series(10)))

    assert least < len(gzip.compress(plain)) / len(plain) < most


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_is_measured_shares_only_everyday_words_with_what_the_dictionary_knows(
    seed: int,
) -> None:
    shared = set(invented(seed).words) & set(real().words)

    assert shared <= set(EVERYWHERE)


@pytest.mark.parametrize(
    ("bound", "value", "reached"),
    [
        (Bound.AT_MOST, 2.1, False),
        (Bound.AT_LEAST, 2.1, True),
        (Bound.EXACTLY, 2.1, False),
        (Bound.EXACTLY, 2.0, True),
        (Bound.AT_MOST, None, None),
    ],
)
def test_a_row_says_whether_its_goal_is_reached(
    bound: Bound, value: float | None, reached: bool | None
) -> None:
    assert Row(name="x", value=value, unit="ms", goal=2.0, bound=bound).reached is reached


def test_99_in_100_do_not_exceed_the_99th_percentile() -> None:
    assert p99([*range(100)]) == 98
    assert p99([5.0]) == 5.0
