"""Records and heads as they lie in stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint, Directive, Head, Kind, Status, Strategy
from checkpoints.stores.record_bytes import (
    is_intact,
    microseconds,
    pack_head,
    pack_record,
    time_of,
    unpack_head,
    unpack_record,
)

names = st.text(max_size=40) | st.uuids().map(str) | st.uuids().map(lambda u: str(u).upper())
some_json = st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5))
records = st.builds(
    Checkpoint,
    id=names,
    agent_id=names,
    thread_id=names,
    parent_id=st.none() | names,
    run_id=st.none() | names,
    step=st.integers(-(2**62), 2**62),
    step_name=st.none() | names,
    iteration=st.none() | st.integers(0, 99),
    created_at=st.datetimes(timezones=st.just(UTC)),
    kind=st.sampled_from(Kind),
    status=st.sampled_from(Status),
    size=st.integers(0, 2**40),
    stored_size=st.just(7),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    metrics=st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False)),
    metadata=some_json,
)


@given(record=records)
def test_any_record_reads_back(record: Checkpoint) -> None:
    data = pack_record(record)
    assert unpack_record(data, checkpoint_id=record.id, stored_size=7) == record


@given(checkpoint=names, agent=names, parameters=some_json, reason=st.none() | names)
def test_any_head_reads_back(
    checkpoint: str, agent: str, parameters: dict[str, Any], reason: str | None
) -> None:
    head = Head(
        agent_id=agent,
        thread_id="main",
        checkpoint_id=checkpoint,
        version=3,
        moved_at=datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        operation_id="op",
        reason=reason,
        directive=Directive(strategy=Strategy.SKIP_TO_NEXT, parameters=parameters),
    )
    assert unpack_head(pack_head(head), agent_id=agent, thread_id="main") == head


def test_times_are_kept_to_the_microsecond_in_any_zone() -> None:
    at = datetime(1, 1, 1, 5, 0, 0, 1, timezone(timedelta(hours=5)))
    assert time_of(microseconds(at)) == at


RECORD = Checkpoint(
    id="c1", agent_id="a", thread_id="t", step=1, created_at=datetime(2026, 1, 1, tzinfo=UTC)
)


def test_every_flipped_bit_and_every_truncation_is_noticed() -> None:
    data = pack_record(RECORD)
    assert is_intact(data, "c1")
    altered = [data[:length] for length in range(len(data))]
    for index in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[index] ^= 1 << bit
            altered.append(bytes(flipped))
    for bad in altered:
        assert not is_intact(bad, "c1")
        with pytest.raises(CorruptCheckpoint):
            unpack_record(bad, checkpoint_id="c1", stored_size=1)


def test_a_record_under_another_id_and_a_head_under_another_agent_are_noticed() -> None:
    with pytest.raises(CorruptCheckpoint, match="damaged"):
        unpack_record(pack_record(RECORD), checkpoint_id="c2", stored_size=1)
    head = Head(
        agent_id="a", thread_id="t", checkpoint_id="c1", version=1, moved_at=RECORD.created_at
    )
    with pytest.raises(CorruptCheckpoint, match="head of thread"):
        unpack_head(pack_head(head), agent_id="b", thread_id="t")
