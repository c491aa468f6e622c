"""Samples say what the index says, once for each hour and day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

import checkpoints
from dashboard.models import (
    Agent,
    AgentSample,
    Grain,
    Source,
    SourceSample,
    SourceStorage,
    Thread,
    ThreadSample,
)
from dashboard.services import operations, scans, storage
from dashboard.services.operations import PruneOf, Scope
from dashboard.services.storage.sampling import begin_of
from tests.dashboard.yards import SAVES, Yard

HOUR = timedelta(hours=1)


def save(yard: Yard, agent: str, steps: int) -> None:
    with checkpoints.CheckpointManager(agent, store=yard.url) as manager:
        manager.resume()
        for step in range(steps):
            manager.create_checkpoint(state={"step": step})
    scans.scan_source(source_id=yard.source.pk, now=yard.clock())


def hours(yard: Yard) -> list[tuple[int, int]]:
    rows = SourceSample.objects.filter(source=yard.source, grain=Grain.HOUR).order_by("at")
    return list(rows.values_list("checkpoint_count", "stored_bytes"))


def test_samples_are_the_index_and_the_index_is_the_store(yard: Yard) -> None:
    storage.take_samples(now=yard.clock())

    store = checkpoints.open_native_store(yard.url)
    held = {name: store.history(name, "main") for name in SAVES}
    store.close()
    sizes = {name: sum(one.stored_size or 0 for one in rows) for name, rows in held.items()}
    for name, rows in held.items():
        agent = AgentSample.objects.get(agent__agent_id=name, grain=Grain.HOUR)
        thread = ThreadSample.objects.get(thread__agent__agent_id=name, grain=Grain.HOUR)
        for sample in (agent, thread):
            assert (sample.checkpoint_count, sample.stored_bytes) == (len(rows), sizes[name])
    assert hours(yard) == [(sum(SAVES.values()), sum(sizes.values()))]


def test_an_hour_sampled_twice_has_one_row_of_each(yard: Yard) -> None:
    hour = begin_of(Grain.HOUR, yard.clock())
    storage.take_samples(now=hour)
    before = hours(yard)
    save(yard, "billing", 2)
    storage.take_samples(now=hour + HOUR / 2)

    assert hours(yard) == before
    assert AgentSample.objects.filter(grain=Grain.HOUR).count() == len(SAVES)


def test_a_days_sample_is_the_last_of_the_day(yard: Yard) -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)
    storage.take_samples(now=day + HOUR)
    save(yard, "billing", 2)
    storage.take_samples(now=day + 20 * HOUR)

    sample = SourceSample.objects.get(grain=Grain.DAY)
    assert (sample.at, sample.sampled_at) == (day, day + 20 * HOUR)
    assert sample.checkpoint_count == sum(SAVES.values()) + 2


def test_a_thread_that_did_not_change_is_not_written_again(yard: Yard) -> None:
    start = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert storage.take_samples(now=start).threads == 2
    save(yard, "billing", 1)
    assert storage.take_samples(now=start + HOUR).threads == 1
    assert storage.take_samples(now=start + 2 * HOUR).threads == 0
    assert AgentSample.objects.filter(grain=Grain.HOUR).count() == 6


def test_hours_in_which_no_worker_ran_have_no_row(yard: Yard) -> None:
    start = datetime(2026, 11, 20, 10, tzinfo=UTC)
    storage.take_samples(now=start)
    storage.take_samples(now=start + 5 * HOUR)

    rows = SourceSample.objects.filter(grain=Grain.HOUR).order_by("at")
    assert list(rows.values_list("at", flat=True)) == [start, start + 5 * HOUR]


def test_a_prune_shows_in_the_next_hour(yard: Yard) -> None:
    start = datetime(2026, 11, 20, 10, tzinfo=UTC)
    storage.take_samples(now=start)
    wanted = [PruneOf(thread=yard.thread("billing"), policy=checkpoints.RetentionPolicy(newest=2))]
    scope = Scope(source=yard.source)
    draft = operations.draft_prune(
        user=yard.user, scope=scope, wanted=wanted, idempotency_key="k", now=yard.clock()
    )
    operations.confirm(
        user=yard.user,
        operation_id=draft.pk,
        plan_hash=draft.plan_hash,
        reason="small",
        now=yard.clock(),
    )
    yard.run(draft)
    scans.scan_source(source_id=yard.source.pk, now=yard.clock())
    storage.take_samples(now=start + HOUR)

    (before, _), (after, _) = hours(yard)
    assert before - after == SAVES["billing"] - 2
    late = SourceSample.objects.get(grain=Grain.HOUR, at=start + HOUR)
    assert late.trashed_bytes > 0


@pytest.mark.parametrize("offset", [-8, 0, 5.5, 13], ids=str)
def test_hours_and_days_are_counted_in_utc_wherever_the_worker_is(
    yard: Yard, offset: float
) -> None:
    there = timezone(timedelta(hours=offset))
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    storage.take_samples(now=moment.astimezone(there))

    days = SourceSample.objects.filter(grain=Grain.DAY)
    assert days.get().at == datetime(2026, 3, 29, tzinfo=UTC)
    assert SourceSample.objects.get(grain=Grain.HOUR).at == moment.replace(minute=0)


def test_the_samples_of_an_hour_are_asked_for_until_they_are_there(
    yard: Yard, hints: list[str]
) -> None:
    storage.ask_for_due(now=yard.clock())
    storage.take_samples(now=yard.clock())
    storage.ask_for_due(now=yard.clock())
    assert hints.count("storage.sample") == 1

    storage.ask_for_due(now=yard.clock() + HOUR)
    assert hints.count("storage.sample") == 2


def test_a_source_is_sampled_once_it_has_been_read_to_its_end(yard: Yard, hints: list[str]) -> None:
    Source.objects.update(last_synced_at=None)
    storage.ask_for_due(now=yard.clock())
    assert "storage.sample" not in hints
    assert storage.take_samples(now=yard.clock()) == (0, 0, 0)

    Source.objects.update(last_synced_at=yard.clock())
    assert storage.take_samples(now=yard.clock()) == (1, 2, 2)


def test_what_is_removed_takes_its_samples_with_it(yard: Yard) -> None:
    storage.take_samples(now=yard.clock())
    Source.objects.all().delete()
    left = (SourceSample, AgentSample, ThreadSample, SourceStorage, Agent, Thread)
    assert [model.objects.count() for model in left] == [0] * len(left)


def test_old_hours_go_and_their_days_stay(yard: Yard) -> None:
    now = datetime(2026, 11, 20, 10, tzinfo=UTC)
    for days in (0, 13, 15, 400, 800):
        storage.take_samples(now=now - timedelta(days=days))

    assert storage.thin(now=now) > 0
    rows = SourceSample.objects.order_by("-at")
    assert rows.filter(grain=Grain.HOUR).count() == 2
    assert rows.filter(grain=Grain.DAY).count() == 4


def test_thinning_deletes_no_more_than_it_may(yard: Yard) -> None:
    now = datetime(2026, 11, 20, 10, tzinfo=UTC)
    for days in range(800, 806):
        storage.take_samples(now=now - timedelta(days=days))

    assert storage.thin(now=now, at_most=5) == 5
    rest = storage.thin(now=now)
    assert rest > 0
    assert storage.thin(now=now) == 0
