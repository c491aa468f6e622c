"""Drills are carried out once for each agent, and what they came to is kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints.drills import Rehearsal, rehearse, scratch_folder
from dashboard.models import AlertKind, AuditEvent, Drill, DrillResult, ObjectiveAlert
from dashboard.services import drills
from dashboard.services.drills import running
from tests.dashboard.services.drills.yard import SAVES, DrillYard, make_drill_yard

pytestmark = pytest.mark.django_db


@pytest.fixture
def yard(tmp_path: Path) -> DrillYard:
    return make_drill_yard(tmp_path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_every_agent_of_a_source_is_proven(yard: DrillYard) -> None:
    drill = yard.drilled()
    assert (drill.outcome, drill.proven, drill.failed) == ("proven", 4, 0)
    assert drill.finished_at == yard.clock()
    assert {yard.last(name).outcome for name in ("billing", "crawler")} == {"proven"}


def test_what_was_proved_is_kept_for_each_checkpoint(yard: DrillYard) -> None:
    drill = yard.drilled("billing", per_agent=3)
    rows = DrillResult.objects.filter(drill=drill)
    assert len(rows) == 3
    assert all(row.decoded and row.digest_verified and row.read_back for row in rows)
    assert all(row.row is not None and row.row.checkpoint_id == row.checkpoint_id for row in rows)
    assert rows.filter(row=yard.agent("billing").threads.get().head).exists()


def test_the_store_is_not_written_to(yard: DrillYard) -> None:
    before = {path: path.read_bytes() for path in yard.folder.rglob("*") if path.is_file()}
    yard.drilled(per_agent=SAVES)
    after = {path: path.read_bytes() for path in yard.folder.rglob("*") if path.is_file()}
    assert after == before


def test_nothing_is_left_in_the_scratch_folder(yard: DrillYard) -> None:
    yard.drilled()
    assert not list(drills.scratch_of_rehearsals().iterdir())


def test_a_damaged_checkpoint_fails_the_drill_and_is_named(yard: DrillYard) -> None:
    damaged = yard.head_file("billing")
    truncate(damaged)
    drill = yard.drilled()
    (row,) = DrillResult.objects.filter(drill=drill, outcome="failed")
    assert (drill.outcome, drill.failed) == ("failed", 1)
    assert row.checkpoint_id == damaged.stem
    assert yard.last("billing").outcome == "failed"
    assert yard.last("crawler").outcome == "proven"


def test_a_failed_drill_calls_until_a_restore_is_proven_again(yard: DrillYard) -> None:
    whole = yard.head_file("billing").read_bytes()
    truncate(yard.head_file("billing"))
    yard.drilled("billing")
    yard.drilled("billing")
    (alert,) = ObjectiveAlert.objects.all()
    assert (alert.kind, alert.resolved_at) == (AlertKind.DRILL_FAILED, None)
    assert yard.head_file("billing").stem in alert.message
    yard.head_file("billing").write_bytes(whole)
    yard.clock.pass_by(60)
    yard.drilled("billing")
    alert.refresh_from_db()
    assert alert.resolved_at == yard.clock()


def test_other_checkpoints_are_taken_each_time(yard: DrillYard) -> None:
    for _ in range(12):
        yard.drilled("billing")
    assert len(set(DrillResult.objects.values_list("checkpoint_id", flat=True))) > 2


def test_a_store_that_vanished_ends_the_drill_with_a_sentence(yard: DrillYard) -> None:
    drill = yard.ask()
    yard.folder.rename(yard.folder.with_name("elsewhere"))
    yard.carry_out(drill)
    assert (drill.outcome, drill.proven) == ("failed", 0)
    assert "there is no store here" in drill.message


def test_a_source_that_was_removed_ends_its_drill(yard: DrillYard) -> None:
    drill = yard.ask()
    yard.source.delete()
    drills.carry_out(drill_pk=drill.pk, now=yard.clock)
    assert not Drill.objects.exists()


def test_a_drill_that_is_claimed_is_left_to_its_worker(yard: DrillYard) -> None:
    drill = yard.ask()
    Drill.objects.update(lease_until=yard.clock() + timedelta(seconds=1))
    yard.carry_out(drill)
    assert drill.finished_at is None
    assert not DrillResult.objects.exists()


def test_a_drill_whose_worker_died_is_taken_up_by_another(yard: DrillYard) -> None:
    drill = yard.ask()
    Drill.objects.update(lease_until=yard.clock() - timedelta(seconds=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "PIECE_SECONDS", 0.0)
        yard.carry_out(drill)
    assert (drill.agents_done, drill.finished_at) == (1, None)
    yard.carry_out(drill)
    assert (drill.agents_done, drill.outcome, drill.proven) == (2, "proven", 4)


def test_an_agent_that_kills_the_worker_twice_is_named_and_passed_over(yard: DrillYard) -> None:
    drill = yard.ask()
    Drill.objects.update(lease_until=yard.clock() - timedelta(seconds=1), lost=1)
    yard.carry_out(drill)
    assert drill.outcome == "failed"
    assert "never came back" in yard.last("billing").message
    assert yard.last("crawler").outcome == "proven"


def test_who_lost_the_lease_writes_nothing(
    yard: DrillYard, monkeypatch: pytest.MonkeyPatch
) -> None:
    drill = yard.ask()

    def taken_over(*args: Any, **values: Any) -> Rehearsal:
        Drill.objects.update(lease_until=yard.clock() + timedelta(hours=1))
        return rehearse(*args, **values)

    monkeypatch.setattr(running, "rehearse", taken_over)
    yard.carry_out(drill)
    assert not DrillResult.objects.exists()
    assert drill.finished_at is None


def test_what_a_killed_worker_left_is_swept_by_the_next_drill(yard: DrillYard) -> None:
    folder = drills.scratch_of_rehearsals()
    with scratch_folder(folder) as used:
        left = used.with_name("holdfast-rehearsal-left")
        left.mkdir()
        left.with_name(f"{left.name}.lock").touch()
        yard.drilled()
        assert used.is_dir()
        assert not left.exists()


def test_drills_older_than_90_days_are_let_go(yard: DrillYard) -> None:
    first = yard.drilled()
    yard.clock.pass_by(91 * 86400)
    yard.drilled()
    assert not Drill.objects.filter(pk=first.pk).exists()
    assert yard.last("billing").drill_id is not None


def test_one_drill_at_a_time_is_begun_for_a_source(yard: DrillYard) -> None:
    yard.ask()
    with pytest.raises(drills.DrillRefused, match="not ended"):
        yard.ask("billing")


def test_who_asked_stands_in_the_audit_log(yard: DrillYard) -> None:
    yard.ask("billing")
    event = AuditEvent.objects.get(action="drill.asked")
    assert (event.user, event.target) == (yard.user, "billing")
