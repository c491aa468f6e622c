"""What the timeline draws."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from dashboard.models import Operation, OperationStep, Source, Thread, User
from dashboard.selectors.lanes import MOST_MARKS, Span, drawing
from dashboard.views.drawings import as_json
from tests.dashboard.index import make_thread, save_rows

pytestmark = pytest.mark.django_db


def test_few_checkpoints_are_drawn_one_by_one(person: User, now: datetime) -> None:
    thread = make_thread(now, saves=5)
    drawn = drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span())
    assert [mark.row.step for mark in drawn.marks] == [0, 1, 2, 3, 4]
    assert drawn.heaps == ()


def test_a_branch_leaves_the_lane_at_its_fork(person: User, now: datetime) -> None:
    thread = make_thread(now, saves=5)
    fork = thread.checkpoints.get(step=2)
    rows = save_rows(thread, now, 2, parent_id=fork.checkpoint_id)
    thread.head = rows[-1]
    thread.save()
    drawn = drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span())
    lanes = {mark.row.pk: mark.lane for mark in drawn.marks}
    assert lanes[rows[0].pk] == lanes[fork.pk] == 0
    assert lanes[thread.checkpoints.get(step=4).pk] == 1


def test_many_checkpoints_are_gathered_without_losing_one(person: User, now: datetime) -> None:
    saves = MOST_MARKS + 500
    thread = make_thread(now, saves=saves)
    drawn = drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span())
    assert sum(heap.bucket.count for heap in drawn.heaps) == saves
    assert len(drawn.heaps) + len(drawn.marks) <= MOST_MARKS
    assert drawn.marks[0].row.pk == thread.head_id


def test_a_bucket_holds_the_time_and_bytes_of_its_checkpoints(person: User, now: datetime) -> None:
    thread = make_thread(now, saves=MOST_MARKS + 1)
    drawn = drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span())
    stored = sum(heap.bucket.stored_bytes or 0 for heap in drawn.heaps)
    assert stored == sum(row.stored_size or 0 for row in thread.checkpoints.all())
    assert drawn.heaps[0].bucket.since == drawn.since
    assert drawn.heaps[-1].bucket.until > drawn.until


def test_a_stretch_of_time_leaves_the_rest_out(person: User, now: datetime) -> None:
    thread = make_thread(now, saves=10)
    span = Span(since=now - timedelta(minutes=4), until=now - timedelta(minutes=1))
    drawn = drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=span)
    assert [mark.row.step for mark in drawn.marks] == [6, 7, 8]


def test_siblings_get_a_lane_each(person: User, now: datetime) -> None:
    thread = make_thread(now)
    make_thread(now, thread_id="retry")
    drawn = drawing(
        user=person,
        agent_pk=thread.agent_id,
        thread_pk=thread.pk,
        span=Span(),
        siblings=True,
    )
    assert [lane.thread.thread_id for lane in drawn.lanes] == ["main", "retry"]


def an_operation(user: User, now: datetime, **values: Any) -> Operation:
    return Operation.objects.create(
        source=Source.objects.get(),
        requested_by=user,
        reason="why",
        plan={},
        plan_hash="0" * 64,
        idempotency_key=uuid4().hex,
        created_at=now,
        **values,
    )


def a_step(operation: Operation, position: int, thread: Thread) -> None:
    OperationStep.objects.create(
        id=uuid4(), operation=operation, position=position, action="prune", thread=thread
    )


def test_an_operation_over_several_threads_is_a_mark_on_each_lane(
    person: User, now: datetime
) -> None:
    thread = make_thread(now)
    other = make_thread(now, thread_id="retry")
    prune = an_operation(person, now, kind="prune", state="succeeded", agent=thread.agent)
    restore = an_operation(person, now, kind="restore", state="failed", thread=other)
    for position, one in enumerate((thread, other)):
        a_step(prune, position, one)
    drawn = drawing(
        user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span(), siblings=True
    )
    marks = {(lane, operation.pk) for lane, operation in drawn.operations}
    assert marks == {(0, prune.pk), (1, prune.pk), (1, restore.pk)}
    assert {mark["text"] for mark in as_json(drawn)["operations"]} == {
        "Prune: succeeded",
        "Restore of : failed",
    }


def test_a_draft_is_no_mark(person: User, now: datetime) -> None:
    thread = make_thread(now)
    an_operation(person, now, kind="restore", state="draft", thread=thread)
    drawn = drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span())
    assert drawn.operations == ()


def test_what_was_removed_is_a_faint_mark_with_its_reason(person: User, now: datetime) -> None:
    thread = make_thread(now)
    thread.checkpoints.filter(step=1).update(removed_at=now, removed_reason="not among the last 2")
    drawn = drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span())
    [mark] = [mark for mark in as_json(drawn)["marks"] if mark.get("state") == "removed"]
    assert mark["why"] == "not among the last 2"
