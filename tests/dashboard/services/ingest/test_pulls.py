"""The index follows what a store says, page by page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import checkpoints
from dashboard import queue
from dashboard.models import Agent, Checkpoint, Source, SourceFinding, Thread
from dashboard.services.ingest import ingest_changes, ingest_push
from dashboard.services.tokens import NewToken
from tests.dashboard.records import URL, push, record

WAITING = checkpoints.Status.WAITING


@pytest.fixture
def source(db: None, now: datetime) -> Source:
    return Source.objects.create(name="crawler", url=URL, kind="sqlite", created_at=now)


def changes(*records: checkpoints.Checkpoint, **values: Any) -> checkpoints.Changes:
    return checkpoints.Changes(cursor="1", checkpoints=records, **values)


def view(head: str | None, **values: Any) -> checkpoints.Thread:
    known = {"agent_id": "crawler", "thread_id": "main", "checkpoints": 1, "updated_at": None}
    return checkpoints.Thread(head_id=head, **{**known, **values})


def removal(step: int, at: datetime) -> checkpoints.Removal:
    return checkpoints.Removal(
        agent_id="crawler",
        thread_id="main",
        checkpoint_id=f"checkpoint-{step}",
        reason="older than a week",
        removed_at=at,
    )


def test_the_same_changes_again_change_nothing(source: Source, now: datetime) -> None:
    page = changes(record(1), record(2), threads=(view("checkpoint-2"),))
    ingest_changes(source=source, changes=page, now=now)
    before = list(Thread.objects.values()) + list(Checkpoint.objects.values())

    again = ingest_changes(source=source, changes=page, now=now)

    assert (again.created, again.duplicates) == (0, 2)
    assert list(Thread.objects.values()) + list(Checkpoint.objects.values()) == before


def test_a_thread_is_as_its_store_shows_it(source: Source, now: datetime) -> None:
    waiting = view(
        "checkpoint-1",
        status=checkpoints.Status.WAITING,
        next_steps=("approve",),
        detail="approve the refund?",
    )

    ingest_changes(source=source, changes=changes(record(1), threads=(waiting,)), now=now)

    thread = Thread.objects.get()
    assert (thread.status, thread.next_steps, thread.detail) == (
        "waiting",
        ["approve"],
        "approve the refund?",
    )
    assert thread.head == Checkpoint.objects.get()
    assert thread.agent.status == "waiting"


def test_what_was_learned_later_is_taken_over(source: Source, now: datetime) -> None:
    first = record(1, sha256=None, stored_size=None, status=checkpoints.Status.RUNNING)
    ingest_changes(source=source, changes=changes(first), now=now)

    later = record(1, status=checkpoints.Status.FAILED, damage="the digest does not hold")
    ingest_changes(source=source, changes=changes(later), now=now)

    row = Checkpoint.objects.get()
    assert (row.sha256, row.status, row.damage) == (later.sha256, "failed", later.damage)
    assert Agent.objects.get().stored_bytes == 40


def test_a_removed_checkpoint_stays_as_a_mark_and_is_not_counted(
    source: Source, now: datetime
) -> None:
    ingest_changes(source=source, changes=changes(record(1), record(2)), now=now)

    ingest_changes(source=source, changes=changes(removals=(removal(1, now),)), now=now)

    row = Checkpoint.objects.get(checkpoint_id="checkpoint-1")
    assert (row.removed_at, row.removed_reason) == (now, "older than a week")
    assert Thread.objects.get().checkpoint_count == 1


def test_a_removal_told_twice_counts_once(source: Source, now: datetime) -> None:
    ingest_changes(source=source, changes=changes(record(1), record(2)), now=now)

    for _ in range(2):
        ingest_changes(source=source, changes=changes(removals=(removal(1, now),)), now=now)

    assert Thread.objects.get().checkpoint_count == 1


def test_a_changed_content_is_a_finding_and_overwrites_nothing(
    source: Source, now: datetime
) -> None:
    ingest_changes(source=source, changes=changes(record(1)), now=now)

    ingest_changes(source=source, changes=changes(record(1, sha256="f" * 64)), now=now)

    assert Checkpoint.objects.get().sha256 == record(1).sha256
    assert SourceFinding.objects.get().kind == "digest_mismatch"


def test_a_record_that_no_row_can_hold_does_not_stop_the_others(
    source: Source, now: datetime
) -> None:
    ingest_changes(source=source, changes=changes(record(1, id="a\0b"), record(2)), now=now)

    assert [row.checkpoint_id for row in Checkpoint.objects.all()] == ["checkpoint-2"]
    assert SourceFinding.objects.get().kind == "unusable_record"


def test_a_finding_told_twice_is_kept_once(source: Source, now: datetime) -> None:
    finding = checkpoints.Finding(kind="truncated", message="half a line", checkpoint_id="x")

    for _ in range(2):
        ingest_changes(source=source, changes=changes(findings=(finding,)), now=now)

    assert SourceFinding.objects.count() == 1


def test_a_replaced_store_leaves_only_what_comes_again(source: Source, now: datetime) -> None:
    ingest_changes(source=source, changes=changes(record(1), record(2)), now=now)

    ingest_changes(
        source=source,
        changes=changes(record(2), threads=(view("checkpoint-2"),), reset=True),
        now=now,
    )

    gone, back = Checkpoint.objects.order_by("step")
    assert gone.removed_at == now
    assert "replaced" in gone.removed_reason
    assert back.removed_at is None
    thread = Thread.objects.get()
    assert (thread.checkpoint_count, thread.stored_bytes, thread.head) == (1, 40, back)


def test_a_head_that_a_restore_moved_is_not_moved_again_by_a_late_report(
    source: Source, token: NewToken, now: datetime
) -> None:
    page = changes(record(1), record(2), threads=(view("checkpoint-1", head_version=3),))
    ingest_changes(source=source, changes=page, now=now)

    ingest_push(token=token.token, push=push(record(2), version=2), now=now)

    head = Thread.objects.get().head
    assert head is not None
    assert head.checkpoint_id == "checkpoint-1"


def test_a_report_about_a_connected_store_has_it_scanned_and_moves_nothing(
    source: Source, token: NewToken, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(queue, "enqueue_scan", asked.append)
    page = changes(record(1), threads=(view("checkpoint-1", head_version=1, status=WAITING),))
    ingest_changes(source=source, changes=page, now=now)

    ingest_push(token=token.token, push=push(record(2), version=900_000), now=now)

    thread = Thread.objects.get()
    assert thread.head is not None
    assert (thread.head.checkpoint_id, thread.head_version) == ("checkpoint-1", 1)
    assert (thread.status, thread.checkpoint_count) == (WAITING, 2)
    assert asked == [source.pk]


def test_a_store_that_is_connected_outranks_what_was_reported_before(
    source: Source, token: NewToken, now: datetime
) -> None:
    Source.objects.update(connected=False)
    ingest_push(token=token.token, push=push(record(1), record(2), version=900_000), now=now)

    page = changes(record(1), threads=(view("checkpoint-1", head_version=1),))
    ingest_changes(source=source, changes=page, now=now)

    head = Thread.objects.get().head
    assert head is not None
    assert head.checkpoint_id == "checkpoint-1"


def test_a_checkpoint_dated_ahead_counts_as_saved_when_it_was_found(
    source: Source, now: datetime
) -> None:
    ahead = record(1, created_at=datetime(9998, 1, 1, tzinfo=UTC))

    ingest_changes(source=source, changes=changes(ahead), now=now)

    assert Checkpoint.objects.get().created_at == now
    assert Agent.objects.get().last_checkpoint_at == now
