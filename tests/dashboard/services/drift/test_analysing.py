"""What comes in is looked at in order, each thing once, by whichever worker."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

import checkpoints
from checkpoints.drift import AgentDetector
from checkpoints.drift.episodes import Contribution, Episode
from dashboard.models import AgentDetectorState, AgentWatch, Checkpoint, DriftAlert
from dashboard.services import drift
from dashboard.services.drift import alerting, analysing, detectors, watches
from dashboard.services.ingest import ingest_push
from dashboard.services.marking import mark
from tests.dashboard.records import push, record
from tests.dashboard.services.drift.yard import DriftYard


def everything() -> list[Any]:
    return [
        list(DriftAlert.objects.order_by("pk").values()),
        list(AgentDetectorState.objects.values()),
        list(AgentWatch.objects.values("observed", "checkpoints_upto", "observed_at")),
    ]


def test_an_agent_that_drifts_gets_one_alert_that_names_where_it_began(yard: DriftYard) -> None:
    alert = yard.drifted()

    assert (alert.number, alert.metrics, alert.kinds) == (1, ["latency"], ["metric"])
    assert alert.onset_checkpoint is not None
    assert 148 <= alert.onset_checkpoint.step <= 153
    assert alert.thread is not None
    assert "latency" in alert.words


def test_an_agent_that_works_well_gets_none(yard: DriftYard) -> None:
    yard.report(300)
    yard.look()

    assert not DriftAlert.objects.exists()
    assert yard.watch().observed == 300


def test_looking_a_second_time_changes_nothing(yard: DriftYard) -> None:
    yard.drifted()
    before = everything()

    with transaction.atomic():
        mark([yard.agent().pk], now=yard.clock())
    yard.look()

    assert everything() == before


def test_further_signs_belong_to_the_alert_that_has_not_ended(yard: DriftYard) -> None:
    alert = yard.drifted()
    yard.report(60, factor=5)
    yard.look()

    assert DriftAlert.objects.count() == 1
    alert.refresh_from_db()
    assert alert.state == "open"


def test_it_ends_by_itself_once_things_are_as_before_for_long(yard: DriftYard) -> None:
    alert = yard.drifted()
    yard.report(130)
    yard.look()

    alert.refresh_from_db()
    assert (alert.state, alert.resolved_by) == ("resolved", None)
    assert "back to normal" in alert.reason


def test_a_worker_that_dies_before_it_writes_loses_nothing_and_doubles_nothing(
    yard: DriftYard, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard.report(150)
    yard.report(12, factor=2.5)

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(detectors, "save", dies)
        yard.look()
    assert not DriftAlert.objects.exists()
    assert yard.look() == 0
    yard.clock.pass_by(watches.LEASE.total_seconds() + 1)

    assert yard.look() == 1
    assert DriftAlert.objects.count() == 1
    assert yard.watch().observed == 162


def test_a_worker_that_was_overtaken_writes_nothing(yard: DriftYard) -> None:
    yard.report(20)
    slow = watches.claim(yard.agent().pk, yard.clock())
    assert slow is not None
    look = analysing._Look(claim=slow, now=yard.clock)
    look.go_through()
    yard.clock.pass_by(watches.LEASE.total_seconds() + 1)
    yard.look()
    before = everything()

    with pytest.raises(watches.ClaimLost), transaction.atomic():
        look.write()

    assert everything() == before


def test_what_comes_while_it_is_looked_at_is_looked_at_next(yard: DriftYard) -> None:
    yard.report(20)
    mine = watches.claim(yard.agent().pk, yard.clock())
    assert mine is not None
    look = analysing._Look(claim=mine, now=yard.clock)
    yard.report(5)
    look.go_through()
    with transaction.atomic():
        look.write()

    assert yard.watch().observed == 20
    yard.look()
    assert yard.watch().observed == 25


def test_checkpoints_that_come_out_of_order_are_taken_in_the_order_in_which_they_were_saved(
    yard: DriftYard,
) -> None:
    begin = yard.clock()
    for step in (3, 1, 2):
        at = begin + timedelta(seconds=step)
        one = record(step, created_at=at, metrics={"latency": float(step)})
        ingest_push(token=yard.token.token, push=push(one), now=begin + timedelta(seconds=9))
    yard.clock.pass_by(10)
    yard.look()

    kept = detectors.load(yard.watch())[0].to_dict()
    found = AgentDetector.from_dict(kept).to_dict()["places"]
    assert [place[3] for place in found] == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]


def test_what_comes_an_hour_late_is_not_looked_at(yard: DriftYard) -> None:
    yard.report(20)
    yard.look()
    late = record(999, created_at=yard.clock() - timedelta(hours=2), metrics={"latency": 9e9})
    ingest_push(token=yard.token.token, push=push(late), now=yard.clock())
    yard.look()

    assert yard.watch().observed == 20
    assert not yard.watch().waiting


def test_what_was_pruned_and_what_a_restore_copied_is_not_counted(yard: DriftYard) -> None:
    yard.report(20)
    copy = record(21, created_at=yard.clock(), metadata={"restored_from": "checkpoint-3"})
    ingest_push(token=yard.token.token, push=push(copy), now=yard.clock())
    Checkpoint.objects.filter(checkpoint_id="checkpoint-20").update(removed_at=yard.clock())
    yard.look()

    assert yard.watch().observed == 19


def test_an_agent_that_falls_silent_is_found_by_the_round(yard: DriftYard) -> None:
    yard.report(60)
    yard.look()
    due = yard.watch().stall_due_at
    assert due is not None
    yard.clock.now = due + timedelta(seconds=1)

    drift.look_round(now=yard.clock())
    yard.look()

    (alert,) = DriftAlert.objects.all()
    assert alert.kinds == ["stall"]
    drift.look_round(now=yard.clock())
    yard.look()
    assert DriftAlert.objects.count() == 1


def test_what_was_over_for_a_day_when_it_was_found_calls_nobody(yard: DriftYard) -> None:
    yard.report(150)
    yard.report(12, factor=2.5)
    ended = record(999, created_at=yard.clock(), status=checkpoints.Status.COMPLETED)
    ingest_push(token=yard.token.token, push=push(ended), now=yard.clock())
    yard.clock.pass_by(2 * 24 * 3600)
    yard.look()

    (alert,) = DriftAlert.objects.all()
    assert (alert.metrics, alert.state) == (["latency"], "resolved")


def test_an_agent_that_cannot_be_looked_at_says_so_and_is_left_in_peace(
    yard: DriftYard, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard.report(5)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(analysing._Look, "_take", broken)
    yard.look()

    watch = yard.watch()
    assert not watch.enabled
    assert "ZeroDivisionError" in watch.message
    monkeypatch.undo()
    drift.tune(
        user=yard.user,
        agent_pk=yard.agent().pk,
        sensitivity=0.5,
        sensitivities={},
        now=yard.clock(),
    )
    yard.look()
    assert yard.watch().observed == 5


def test_an_alert_keeps_what_it_was_opened_for_however_often_it_grows(yard: DriftYard) -> None:
    alert = yard.drifted()
    (first,) = map(Contribution.from_dict, alert.contributions)
    later = replace(first, found_at=first.found_at + timedelta(minutes=5))
    latest = replace(first, found_at=first.found_at + timedelta(minutes=9))

    for told in ((later,), (later, latest)):
        alerting.note(yard.agent(), Episode(number=2, contributions=told), now=yard.clock())

    alert.refresh_from_db()
    kept = [Contribution.from_dict(one) for one in alert.contributions]
    assert kept == [first, later, latest]
    assert alert.onset_at == first.onset_at
