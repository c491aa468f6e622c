"""Measuring: exact, within its time, one worker at a time, and not stopped by what is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

import checkpoints
from dashboard.models import Checkpoint, FieldSample, SourceStorage, Thread, ThreadStorage
from dashboard.services import storage
from dashboard.services.storage import fields, measuring
from tests.dashboard.yards import SAVES, Yard

DAY = timedelta(days=1)


def measure(yard: Yard, clock: Callable[[], float] = lambda: 0.0) -> bool:
    storage.take_samples(now=yard.clock())
    return storage.measure_source(source_id=yard.source.pk, now=yard.clock, clock=clock)


def state_of(yard: Yard, name: str) -> ThreadStorage:
    return ThreadStorage.objects.get(thread__agent__agent_id=name)


def test_the_fields_in_the_index_are_those_of_the_store(yard: Yard) -> None:
    assert measure(yard)

    store = checkpoints.open_native_store(yard.url)
    assert isinstance(store, checkpoints.MeasurableStore)
    for name in SAVES:
        rows = FieldSample.objects.filter(thread__agent__agent_id=name, replaced_at=None)
        found = {(row.field, row.size, row.checkpoint_count) for row in rows}
        told = store.field_sizes(name, "main")
        assert found == {(one.field, one.size, one.checkpoints) for one in told}
    store.close()


def test_both_sizes_are_summed_where_both_are_known(yard: Yard) -> None:
    rows = Checkpoint.objects.filter(thread__agent__agent_id="billing").order_by("step")
    unknown = rows[0]
    Checkpoint.objects.filter(pk=unknown.pk).update(size=None)
    measure(yard)

    known = rows.exclude(pk=unknown.pk)
    state = state_of(yard, "billing")
    assert state.plain_bytes == sum(row.size or 0 for row in known)
    assert state.packed_bytes == sum(row.stored_size or 0 for row in known)
    assert state.unsized_count == 1


def test_the_store_as_a_whole_is_what_it_says(yard: Yard) -> None:
    measure(yard)
    store = checkpoints.open_native_store(yard.url)
    assert isinstance(store, checkpoints.MeasurableStore)
    space = store.space()
    store.close()
    row = SourceStorage.objects.get()
    assert (row.orphaned_bytes, row.free_bytes) == (space.orphaned, space.free)
    assert row.whole_bytes is not None
    assert row.whole_bytes > 0


def test_the_largest_threads_come_first_and_the_rest_in_the_next_round(yard: Yard) -> None:
    ticks = iter([0.0, 0.0, measuring.SECONDS, measuring.SECONDS, 2 * measuring.SECONDS])
    assert not measure(yard, lambda: next(ticks, 1e9))
    assert state_of(yard, "billing").measured_at is not None
    assert state_of(yard, "crawler").measured_at is None

    yard.clock.pass_by(120)
    assert measure(yard)
    assert state_of(yard, "crawler").measured_at is not None


def test_a_thread_that_did_not_change_is_not_measured_again(yard: Yard) -> None:
    measure(yard)
    before = state_of(yard, "billing").measured_at
    yard.clock.pass_by(2 * DAY.total_seconds())
    measure(yard)
    assert state_of(yard, "billing").measured_at == before


def test_a_thread_that_changed_is_measured_again_once_a_day(yard: Yard) -> None:
    measure(yard)
    first = state_of(yard, "billing").measured_at
    Thread.objects.filter(agent__agent_id="billing").update(stored_bytes=1)
    yard.clock.pass_by(7200)
    measure(yard)
    assert state_of(yard, "billing").measured_at == first

    yard.clock.pass_by(DAY.total_seconds())
    measure(yard)
    assert state_of(yard, "billing").measured_at == yard.clock()
    assert first is not None
    olds = FieldSample.objects.filter(thread__agent__agent_id="billing", sampled_at=first)
    assert set(olds.values_list("replaced_at", flat=True)) == {yard.clock()}


def test_a_broken_thread_says_why_and_stops_no_other(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = fields._note_compression

    def broken(thread: Thread) -> None:
        if thread.agent.agent_id == "billing":
            raise ZeroDivisionError
        honest(thread)

    monkeypatch.setattr(fields, "_note_compression", broken)
    assert measure(yard)
    assert "ZeroDivisionError" in state_of(yard, "billing").message
    assert state_of(yard, "crawler").message == ""


def test_a_thread_of_which_a_worker_died_waits_while_the_others_are_measured(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = fields._note_compression

    def dies(thread: Thread) -> None:
        if thread.agent.agent_id == "billing":
            raise KeyboardInterrupt
        honest(thread)

    monkeypatch.setattr(fields, "_note_compression", dies)
    with pytest.raises(KeyboardInterrupt):
        measure(yard)
    assert not measure(yard), "its lease still runs"

    yard.clock.pass_by(measuring.LEASE.total_seconds() + 1)
    assert measure(yard)
    assert "never came back" in state_of(yard, "billing").message
    assert state_of(yard, "crawler").message == ""


def test_two_workers_never_measure_a_source_at_once(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.take_samples(now=yard.clock())
    seconds: list[bool] = []
    honest = fields._note_compression

    def meanwhile(thread: Thread) -> None:
        seconds.append(storage.measure_source(source_id=yard.source.pk, now=yard.clock))
        honest(thread)

    monkeypatch.setattr(fields, "_note_compression", meanwhile)
    assert storage.measure_source(source_id=yard.source.pk, now=yard.clock, clock=lambda: 0.0)
    assert seconds == [False] * len(SAVES)


def test_a_store_that_is_gone_is_noted_and_tried_again(yard: Yard) -> None:
    yard.source.url = "sqlite:////nowhere/at/all.db"
    yard.source.save()
    measure(yard)
    row = SourceStorage.objects.get()
    assert row.message != ""
    assert row.next_at > yard.clock()
    assert row.lease_until is None


def test_a_measure_that_is_due_is_asked_for_once(yard: Yard, hints: list[str]) -> None:
    storage.take_samples(now=yard.clock())
    storage.ask_for_due(now=yard.clock())
    storage.ask_for_due(now=yard.clock())
    assert hints.count("storage.measure") == 1


def test_what_policies_would_free_is_what_a_prune_would_plan(yard: Yard) -> None:
    yard.set(yard.target("billing"), checkpoints.RetentionPolicy(newest=3))
    measure(yard)
    rows = Checkpoint.objects.filter(thread__agent__agent_id="billing").order_by("-step")
    doomed = list(rows)[3:]
    state = state_of(yard, "billing")
    assert state.freed_count == len(doomed)
    assert state.freed_bytes == sum(row.stored_size or 0 for row in doomed)
    assert state.planned_at == yard.clock()
    assert state_of(yard, "crawler").freed_bytes is None


def test_another_policy_is_estimated_anew(yard: Yard) -> None:
    yard.set(yard.target("billing"), checkpoints.RetentionPolicy(newest=3))
    measure(yard)
    yard.clock.pass_by(4000)
    yard.set(yard.target("billing"), checkpoints.RetentionPolicy(newest=6))
    measure(yard)
    assert state_of(yard, "billing").freed_count == SAVES["billing"] - 6

    yard.clock.pass_by(4000)
    yard.set(yard.target("billing"), checkpoints.RetentionPolicy())
    measure(yard)
    assert state_of(yard, "billing").freed_count is None
