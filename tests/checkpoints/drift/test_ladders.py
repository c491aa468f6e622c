"""The rollback ladder goes back far enough, and never to what must not be taken."""

from __future__ import annotations

import pytest

from checkpoints.drift.ladders import Candidate, confidence_at, ladder


def lineage(length: int, **marked: set[int]) -> list[Candidate]:
    return [
        Candidate(
            index=index,
            checkpoint_id=f"c{index}",
            **{name: index in indexes for name, indexes in marked.items()},
        )
        for index in range(length)
    ]


def ids(candidates: list[Candidate], onset: int) -> list[str]:
    return [rung.candidate.checkpoint_id for rung in ladder(candidates, onset=onset)]


def test_it_goes_back_three_eight_twenty_and_to_the_start() -> None:
    assert ids(lineage(60), onset=50) == ["c47", "c42", "c30", "c0"]


def test_the_order_of_the_candidates_does_not_matter() -> None:
    assert ids(lineage(60)[::-1], onset=50) == ["c47", "c42", "c30", "c0"]


def test_near_the_start_no_checkpoint_is_named_twice() -> None:
    assert ids(lineage(60), onset=9) == ["c6", "c1", "c0"]
    assert ids(lineage(60), onset=1) == ["c0"]


def test_drift_from_the_first_checkpoint_on_leaves_nowhere_to_go() -> None:
    assert ladder(lineage(60), onset=0) == []
    assert ladder([], onset=5) == []


@pytest.mark.parametrize("mark", ["is_damaged", "in_open_incident", "was_tried"])
def test_what_must_not_be_taken_is_passed_over(mark: str) -> None:
    marked = lineage(60, **{mark: {47, 46, 42, 0}})
    assert ids(marked, onset=50) == ["c45", "c41", "c30", "c1"]
    assert marked[47].why_not


def test_further_back_is_surer_and_says_so_in_words() -> None:
    rungs = ladder(lineage(60), onset=50)
    sure = [rung.confidence for rung in rungs]
    assert sure == sorted(sure)
    assert all(0 < each < 1 for each in sure)
    assert str(rungs[0]).startswith("3 checkpoints before the drift began by estimate")
    assert str(rungs[-1]).startswith("the start of the run")


def test_confidence_is_interpolated_between_what_was_measured() -> None:
    assert confidence_at(-1) == 0
    assert confidence_at(5) == pytest.approx(
        confidence_at(3) + (confidence_at(8) - confidence_at(3)) * 2 / 5
    )
    assert confidence_at(10_000) == confidence_at(60) < 1
