"""Documents whose fields hold anything: listed or named, and never an exception but our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import checkpoints
from checkpoints.connectors.agent_framework import AgentFrameworkStore
from checkpoints.connectors.agent_framework.workflows import FIELDS
from checkpoints.connectors.dreamos import DreamosStore

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\0", "\ud800", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "main"]),
)
KEYS = st.one_of(st.text(max_size=4), st.sampled_from(["__pickled__", "__type__", "lc", "id"]))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
STATE = st.fixed_dictionaries(
    {},
    optional={
        "current_task": st.fixed_dictionaries(
            {}, optional={"id": ANYTHING, "status": ANYTHING, "progress_percentage": ANYTHING}
        )
        | ANYTHING,
        "mailbox": st.fixed_dictionaries({}, optional={"pending_count": ANYTHING}) | ANYTHING,
        "operational_context": st.fixed_dictionaries({}, optional={"cycle_count": ANYTHING}),
        "memory": st.fixed_dictionaries({}, optional={"session": ANYTHING, "long": ANYTHING})
        | ANYTHING,
    },
)
DREAMOS = st.fixed_dictionaries(
    {"agent_id": st.just("agent-1") | ANYTHING, "state": STATE | ANYTHING},
    optional={"timestamp": ANYTHING, "checkpoint_type": ANYTHING, "metadata": ANYTHING},
)
NAMING = {
    "workflow_name": st.text(min_size=1, max_size=5) | ANYTHING,
    "graph_signature_hash": st.just("g") | ANYTHING,
    "checkpoint_id": st.just("c") | ANYTHING,
}
OTHERS = dict.fromkeys((*sorted(FIELDS - NAMING.keys()), "unknown"), ANYTHING)
WORKFLOW = st.fixed_dictionaries(NAMING, optional=OTHERS)
SHORT = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read_all(store: Any) -> None:
    """Read everything; what is listed can be shown, and what is well can be planned."""
    changes = store.changes(None)
    for record in changes.checkpoints:
        json.dumps(record.to_dict(), allow_nan=False).encode()
        store.load(record)
        store.get(record.id)
        try:
            store.plan_restore(record)
            store.plan_fork(record, thread_id="another")
        except (checkpoints.CorruptCheckpoint, checkpoints.PlanRefused):
            pass
    for thread in store.threads():
        json.dumps(thread.to_dict(), allow_nan=False)
        list(store.field_sizes(thread.agent_id, thread.thread_id))
    assert changes.checkpoints or list(store.verify())
    for finding in store.verify():
        json.dumps(finding.to_dict())
    assert store.changes(changes.cursor).checkpoints == ()


@SHORT
@given(document=DREAMOS)
def test_any_document_of_dreamos_is_listed_or_named(tmp_path: Path, document: Any) -> None:
    name = "agent-1_20260101120000_routine"
    (tmp_path / f"{name}.checkpoint").write_text(json.dumps(document))
    read_all(DreamosStore(tmp_path))


@SHORT
@given(document=WORKFLOW)
def test_any_document_of_a_workflow_is_listed_or_named(tmp_path: Path, document: Any) -> None:
    (tmp_path / "c.json").write_text(json.dumps(document))
    read_all(AgentFrameworkStore(tmp_path))


@pytest.mark.parametrize("kind", [AgentFrameworkStore, DreamosStore])
@SHORT
@given(content=st.binary(max_size=40))
def test_any_bytes_are_named(tmp_path: Path, kind: Any, content: bytes) -> None:
    name = "c.json" if kind is AgentFrameworkStore else "a_20260101120000_b.checkpoint"
    (tmp_path / name).write_bytes(content)
    store = kind(tmp_path)
    assert list(store.verify())
    assert store.changes(None).checkpoints == ()
