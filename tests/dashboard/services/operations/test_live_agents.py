"""Restoring under an agent that goes on saving."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

import checkpoints
from checkpoints.stores.sqlite.store import SqliteStore
from dashboard.models import AuditEvent, OperationState
from dashboard.services.operations import OperationRefused, PlanStale
from tests.benches import Bench


def test_a_head_that_moved_since_the_preview_is_refused(bench: Bench) -> None:
    target = bench.rows()[1]
    seen = bench.preview(target).plan_token
    bench.save({"step": 6})

    with pytest.raises(PlanStale) as caught:
        bench.request(target, plan_token=seen)

    assert caught.value.expected == bench.rows()[-1].checkpoint_id
    assert caught.value.actual == bench.head().checkpoint_id


def test_what_the_agent_saved_meanwhile_joins_the_branch_where_that_is_accepted(
    bench: Bench,
) -> None:
    target = bench.rows()[1]
    seen = bench.preview(target).plan_token
    bench.save({"step": 6})
    left = bench.head().checkpoint_id

    operation = bench.run(bench.request(target, plan_token=seen, follow_live=True))

    assert operation.state == OperationState.SUCCEEDED
    assert operation.previous_head_id == left
    assert bench.head().checkpoint_id == target.checkpoint_id


def test_a_save_before_the_worker_begins_is_followed_and_logged(bench: Bench) -> None:
    operation = bench.request(bench.rows()[1], follow_live=True)
    bench.save({"step": 6})
    left = bench.head().checkpoint_id

    bench.run(operation)

    assert operation.state == OperationState.SUCCEEDED
    assert operation.previous_head_id == left
    assert operation.log.filter(message__contains=f"the head is {left}").exists()


def test_a_save_between_check_and_step_is_followed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = iter([{"step": 6}, {"step": 7}])
    monkeypatch.setattr(SqliteStore, "restore", overtaken(bench, saves))

    operation = bench.run(bench.request(bench.rows()[1], follow_live=True))

    assert operation.state == OperationState.SUCCEEDED
    assert bench.head().checkpoint_id == bench.rows()[1].checkpoint_id
    assert len(bench.rows()) == 7


def test_an_agent_that_is_always_faster_is_tried_again_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = ({"step": n} for n in range(6, 999))
    monkeypatch.setattr(SqliteStore, "restore", overtaken(bench, endless))

    operation = bench.run(bench.request(bench.rows()[1], follow_live=True))

    assert operation.state == OperationState.QUEUED
    assert "saved faster" in operation.message


def overtaken(bench: Bench, saves: Iterator[dict[str, Any]]) -> Any:
    """Return a restore before which the agent saves once more, as long as it has something."""
    real = SqliteStore.restore

    def restore(store: SqliteStore, plan: checkpoints.RestorePlan, **values: Any) -> Any:
        if (state := next(saves, None)) is not None:
            bench.save(state)
        return real(store, plan, **values)

    return restore


def test_a_head_on_another_line_is_refused_even_then(bench: Bench) -> None:
    target, other = bench.rows()[1:3]
    seen = bench.preview(target).plan_token
    bench.run(bench.request(other))

    with pytest.raises(PlanStale):
        bench.request(target, plan_token=seen, follow_live=True)


def test_an_undo_is_possible_while_the_agent_goes_on(bench: Bench) -> None:
    left = bench.head().checkpoint_id
    first = bench.run(bench.request(bench.rows()[1]))
    undo = bench.undo(first)
    bench.save({"step": "again"})

    assert bench.run(undo).state == OperationState.SUCCEEDED
    assert bench.head().checkpoint_id == left


def test_a_checkpoint_that_was_altered_since_it_was_indexed_is_refused(bench: Bench) -> None:
    target = bench.rows()[1]
    seen = bench.preview(target).plan_token
    forge(bench, target.checkpoint_id)

    with pytest.raises(OperationRefused, match="altered"):
        bench.request(target, plan_token=seen)
    refused = bench.preview(target).refused
    assert refused is not None
    assert "altered" in refused
    noted = AuditEvent.objects.get(action="operation.refused")
    assert (noted.user, noted.target) == (bench.user, target.checkpoint_id)


def forge(bench: Bench, checkpoint_id: str) -> None:
    """Put another state under an id, with a record that fits it."""
    path = bench.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as db, db:
        agent_id, thread_id = db.execute("SELECT agent_id, thread_id FROM threads").fetchone()
        store = checkpoints.open_store(f"sqlite:///{path}.forged")
        assert isinstance(store, SqliteStore)
        draft = checkpoints.Draft(
            id=checkpoint_id,
            agent_id=agent_id,
            thread_id=thread_id,
            step=1,
            created_at=bench.clock(),
        )
        store.put(draft, {"step": "forged"}, expected_head=None)
        store.close()
        db.execute("ATTACH ? AS forged", (f"{path}.forged",))
        db.execute(
            "UPDATE checkpoints SET (base, record, frame) ="
            " (SELECT base, record, frame FROM forged.checkpoints) WHERE id = ?",
            (checkpoint_id,),
        )
