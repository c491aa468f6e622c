"""Copies of threads out of LangGraph's tables, on which restores are tried."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.measurable import RehearsableStore
from tests.checkpoints.connectors import graphs
from tests.checkpoints.connectors.langgraph_tables import (
    SAMPLE_THREADS,
    load_sample,
    now,
    opened,
    rows_of,
    saver,
)


@pytest.fixture
def sample(samples: Path, postgresql_url: str) -> LangGraphPostgresqlStore:
    load_sample(samples, postgresql_url)
    return opened(postgresql_url)


def roots(store: LangGraphPostgresqlStore, thread_id: str) -> list[Checkpoint]:
    return [r for r in store.history(None, thread_id) if r.namespace == ""]


def restore(store: Any, checkpoint_id: str, thread_id: str) -> Head:
    plan = store.plan_restore(store.get(checkpoint_id, thread_id=thread_id, namespace=""))
    head: Head = store.restore(
        plan, written_ids=store.choose_ids(plan), operation_id="o", reason="r", now=now()
    )
    return head


@pytest.mark.parametrize("thread_id", [*SAMPLE_THREADS, "delta-1"])
def test_a_restore_on_the_copy_does_what_it_does_in_the_tables(
    sample: LangGraphPostgresqlStore, postgresql_url: str, tmp_path: Path, thread_id: str
) -> None:
    assert isinstance(sample, RehearsableStore)
    found, before = roots(sample, thread_id), rows_of(postgresql_url)
    for number, position in enumerate((0.0, 0.5, 0.99)):
        target = found[int(position * len(found))]
        folder = tmp_path / str(number)
        folder.mkdir()
        with closing(sample.copy_for_rehearsal(target, folder)) as copy:
            there = copy.get(target.id, thread_id=thread_id, namespace="")
            planned, expected = copy.plan_restore(there), sample.plan_restore(target)
            assert planned.superseded == expected.superseded
            assert planned.rerun_steps == expected.rerun_steps
            assert planned.warnings == expected.warnings
            assert [t.checkpoint_id for t in planned.targets] == [
                t.checkpoint_id for t in expected.targets
            ]
            assert copy.head(target.agent_id, thread_id) == sample.head(None, thread_id)
            head = restore(copy, target.id, thread_id)
            restored = copy.get(head.checkpoint_id, thread_id=thread_id)
            assert copy.load(restored) == sample.load(target)
            assert restored.next_steps == target.next_steps
            assert next(folder.glob("*.sqlite")).stat().st_mode & 0o077 == 0
    assert rows_of(postgresql_url) == before


def test_langgraph_goes_on_in_the_copy(
    sample: LangGraphPostgresqlStore, postgresql_url: str, tmp_path: Path
) -> None:
    target = next(r for r in roots(sample, "delta-1")[10:] if r.next_steps)
    with saver(postgresql_url) as own:
        graph = graphs.counter(own, graphs.Delta, until=50)
        expected = graph.get_state(graphs.config("delta-1", target.id)).values
    with closing(sample.copy_for_rehearsal(target, tmp_path)) as copy:
        restore(copy, target.id, "delta-1")
    [file] = tmp_path.glob("*.sqlite")
    with graphs.saver(file) as own:
        graph = graphs.counter(own, graphs.Delta, until=50)
        assert graph.get_state(graphs.config("delta-1")).values == expected
        assert graph.invoke(None, graphs.config("delta-1"))["n"] == 50
