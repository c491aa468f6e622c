"""What agents report is stored once, whole, and never changed afterwards."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

import checkpoints
from dashboard.access import Forbidden
from dashboard.models import Agent, Checkpoint, Source, Thread, User
from dashboard.services.ingest import ContentConflict, UnusableRecord, ingest_push
from dashboard.services.tokens import NewToken, create_token
from tests.dashboard.records import URL, push, record


def test_a_push_makes_source_agent_thread_and_row(token: NewToken, now: datetime) -> None:
    ingested = ingest_push(token=token.token, push=push(version=1), now=now)

    row = Checkpoint.objects.get(pk=ingested.rows[0])
    assert ingested.created == 1
    assert row.thread.agent.source.url == URL
    assert row.thread.head_id == row.pk
    assert (row.received_at, row.created_at) == (now, record().created_at)


def test_an_unknown_store_is_only_reported(token: NewToken, now: datetime) -> None:
    ingest_push(token=token.token, push=push(), now=now)

    assert not Source.objects.get().connected


def test_the_same_push_again_changes_nothing(token: NewToken, now: datetime) -> None:
    first = ingest_push(token=token.token, push=push(version=1), now=now)
    before = list(Thread.objects.values()) + list(Agent.objects.values())

    again = ingest_push(token=token.token, push=push(version=1), now=now)

    assert (again.created, again.duplicates, again.rows) == (0, 1, first.rows)
    assert list(Thread.objects.values()) + list(Agent.objects.values()) == before


def test_the_same_record_twice_in_one_push_is_one_row(token: NewToken, now: datetime) -> None:
    ingested = ingest_push(token=token.token, push=push(record(1), record(1)), now=now)

    assert (ingested.created, ingested.duplicates) == (1, 1)
    assert Thread.objects.get().checkpoint_count == 1


def test_counters_are_those_of_the_rows(token: NewToken, now: datetime) -> None:
    records = [record(step, thread_id=f"thread-{step % 2}") for step in range(6)]

    ingest_push(token=token.token, push=push(*records), now=now)

    agent = Agent.objects.get()
    assert (agent.checkpoint_count, agent.stored_bytes) == (6, 240)
    assert [thread.checkpoint_count for thread in Thread.objects.all()] == [3, 3]
    assert agent.last_checkpoint_at == records[-1].created_at


def test_another_content_under_a_known_id_is_refused(token: NewToken, now: datetime) -> None:
    ingest_push(token=token.token, push=push(record(1)), now=now)
    forged = record(1, sha256="f" * 64)

    with pytest.raises(ContentConflict, match="checkpoint-1"):
        ingest_push(token=token.token, push=push(record(2), forged), now=now)

    assert [row.sha256 for row in Checkpoint.objects.all()] == [record(1).sha256]


def test_a_digest_that_was_unknown_is_learnt_and_then_stands(
    token: NewToken, now: datetime
) -> None:
    ingest_push(token=token.token, push=push(record(1, sha256=None)), now=now)
    ingest_push(token=token.token, push=push(record(1)), now=now)

    assert Checkpoint.objects.get().sha256 == record(1).sha256
    with pytest.raises(ContentConflict):
        ingest_push(token=token.token, push=push(record(1, sha256="f" * 64)), now=now)


def test_two_contents_under_one_id_in_one_push_are_refused(token: NewToken, now: datetime) -> None:
    with pytest.raises(ContentConflict):
        ingest_push(token=token.token, push=push(record(1), record(1, sha256="f" * 64)), now=now)

    assert not Checkpoint.objects.exists()


def test_a_head_that_comes_late_does_not_move_back(token: NewToken, now: datetime) -> None:
    ingest_push(token=token.token, push=push(record(2), version=2), now=now)

    ingest_push(token=token.token, push=push(record(1), version=1), now=now)

    head = Thread.objects.get().head
    assert head is not None
    assert head.checkpoint_id == "checkpoint-2"


def test_a_head_moves_back_by_a_newer_version(token: NewToken, now: datetime) -> None:
    ingest_push(token=token.token, push=push(record(1), record(2), version=2), now=now)

    ingest_push(token=token.token, push=push(record(1), version=3), now=now)

    head = Thread.objects.get().head
    assert head is not None
    assert head.checkpoint_id == "checkpoint-1"


def test_a_version_that_no_honest_report_could_follow_is_refused(
    token: NewToken, now: datetime
) -> None:
    with pytest.raises(UnusableRecord) as refused:
        ingest_push(token=token.token, push=push(version=1_000_001), now=now)

    assert refused.value.field == "head.version"
    assert not Checkpoint.objects.exists()


def test_a_checkpoint_dated_ahead_pins_neither_time_nor_status(
    token: NewToken, now: datetime
) -> None:
    far = datetime(9998, 1, 1, tzinfo=UTC)
    ahead = record(1, created_at=far, status=checkpoints.Status.COMPLETED)
    ingest_push(token=token.token, push=push(ahead), now=now)
    later = now + timedelta(seconds=1)

    honest = record(2, created_at=later, status=checkpoints.Status.FAILED)
    ingest_push(token=token.token, push=push(honest), now=later)

    thread = Thread.objects.get()
    assert (thread.last_checkpoint_at, thread.status) == (later, checkpoints.Status.FAILED)


def test_an_agent_is_as_bad_as_its_worst_thread(token: NewToken, now: datetime) -> None:
    fine = record(1, thread_id="fine", status=checkpoints.Status.COMPLETED)
    failed = record(2, thread_id="bad", status=checkpoints.Status.FAILED)

    ingest_push(token=token.token, push=push(failed, fine), now=now)

    assert Agent.objects.get().status == checkpoints.Status.FAILED


def test_an_agents_token_pushes_for_no_other(person: User, now: datetime) -> None:
    narrow = create_token(user=person, name="a", scopes=["push"], agent_id="a", now=now).token

    with pytest.raises(Forbidden, match="'a'"):
        ingest_push(token=narrow, push=push(record(1, agent_id="a"), record(2)), now=now)

    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "checkpoint.id"),
        ({"id": "a\0b"}, "checkpoint.id"),
        ({"agent_id": "\ud800"}, "checkpoint.agent_id"),
        ({"thread_id": "x" * 1_001}, "checkpoint.thread_id"),
        ({"parent_id": "\0"}, "checkpoint.parent_id"),
        ({"step": 2**63}, "checkpoint.step"),
        ({"size": -1}, "checkpoint.size"),
        ({"sha256": "not a digest"}, "checkpoint.sha256"),
        ({"created_at": datetime(2026, 1, 1)}, "checkpoint.created_at"),  # noqa: DTZ001
        ({"created_at": datetime(1, 1, 1, tzinfo=UTC)}, "checkpoint.created_at"),
    ],
)
def test_what_no_row_can_hold_is_refused_by_name(
    token: NewToken, now: datetime, change: dict[str, object], field: str
) -> None:
    with pytest.raises(UnusableRecord) as refused:
        ingest_push(token=token.token, push=push(record(1, **change)), now=now)

    assert refused.value.field == field
    assert not Source.objects.exists()


def test_metadata_that_databases_refuse_is_written_out(token: NewToken, now: datetime) -> None:
    odd = {"nul\0": "a\0b\ud800", "nan": float("nan"), "big": 2**80, "deep": [{"x": (1,)}]}

    ingest_push(token=token.token, push=push(record(1, metadata=odd)), now=now)

    assert Checkpoint.objects.get().metadata == {
        "nul\\x00": "a\\x00b\\ud800",
        "nan": "nan",
        "big": str(2**80),
        "deep": [{"x": [1]}],
    }


def test_metadata_too_large_for_an_index_is_only_named(token: NewToken, now: datetime) -> None:
    large = record(1, metadata={"text": ["x" * 9_000] * 10})

    ingest_push(token=token.token, push=push(large), now=now)

    assert list(Checkpoint.objects.get().metadata) == ["not indexed"]


@pytest.mark.parametrize(
    "url", ["", "nowhere", "sqlite:///relative.db", "sqlite://host/x.db", "sqlite:////a\0b"]
)
def test_a_store_that_nobody_could_find_is_refused(
    token: NewToken, now: datetime, url: str
) -> None:
    with pytest.raises(UnusableRecord) as refused:
        ingest_push(token=token.token, push=dataclasses.replace(push(), source_url=url), now=now)

    assert refused.value.field == "source.url"


def test_one_store_is_one_source_however_its_url_is_written(token: NewToken, now: datetime) -> None:
    odd = dataclasses.replace(push(), source_url="sqlite://///srv/./agents/x/..//%63rawler.db")
    ingest_push(token=token.token, push=odd, now=now)
    ingest_push(token=token.token, push=push(record(2)), now=now)

    assert Source.objects.get().url == URL
    assert Checkpoint.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_pushes_at_the_same_time_count_each_checkpoint_once(token: NewToken, now: datetime) -> None:
    start = threading.Barrier(6)

    def send() -> int:
        start.wait()
        try:
            return sum(
                ingest_push(token=token.token, push=push(record(step)), now=now).created
                for step in range(8)
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        created = [future.result() for future in [pool.submit(send) for _ in range(6)]]

    assert sum(created) == 8
    assert Checkpoint.objects.count() == Thread.objects.get().checkpoint_count == 8
