"""Which checkpoints a drill takes."""

from __future__ import annotations

from checkpoints.drills import positions, sample_of
from checkpoints.records import Checkpoint, Status
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import draft, save_chain

MANY = 100


def newest_first(count: int) -> list[Checkpoint]:
    return save_chain(MemoryStore(), count)[::-1]


def test_the_head_is_always_among_them() -> None:
    records = newest_first(MANY)
    for seed in range(20):
        assert sample_of(records, count=2, seed=seed)[0] is records[0]


def test_a_head_that_is_not_the_newest_is_named() -> None:
    records = newest_first(5)
    assert sample_of(records, count=1, seed=0, head_id="c2") == [records[3]]


def test_where_the_head_failed_the_newest_good_one_comes_with_it() -> None:
    store = MemoryStore()
    save_chain(store, 3)
    store.put(draft(4, parent="c3", status=Status.FAILED), {}, expected_head="c3")
    records = store.history(None, "main")
    assert [record.id for record in sample_of(records, count=2, seed=7)] == ["c4", "c3"]


def test_the_others_are_spread_over_all_ages() -> None:
    chosen = sample_of(newest_first(MANY + 1), count=5, seed="today")
    stretches = [(MANY + 1 - record.step - 1) // 25 for record in chosen[1:]]
    assert stretches == [0, 1, 2, 3]


def test_the_same_seed_takes_the_same_and_others_take_others() -> None:
    records = newest_first(MANY)
    taken = {seed: sample_of(records, count=2, seed=seed)[1].id for seed in range(40)}
    assert taken[3] == sample_of(records, count=2, seed=3)[1].id
    assert len(set(taken.values())) > 20


def test_subgraphs_are_left_to_their_threads() -> None:
    inner = Checkpoint(
        id="x",
        agent_id="a",
        thread_id="t",
        step=9,
        namespace="inner",
        created_at=newest_first(1)[0].created_at,
    )
    assert sample_of([inner, *newest_first(1)], count=5, seed=0) == newest_first(1)


def test_no_more_places_are_given_than_there_are() -> None:
    assert positions(2, count=5, seed=0) == [0, 1]
    assert positions(0, count=5, seed=0) == []
