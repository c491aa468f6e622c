"""What LangGraph's graphs saved through HoldfastSaver is rehearsed with its lineage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkpoints.drills import Outcome, Sampled, drill
from checkpoints.integrations.langgraph import HoldfastSaver
from tests.checkpoints.connectors import graphs

CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}, "recursion_limit": 200}


@pytest.mark.parametrize("schema", [graphs.Counting, graphs.Delta], ids=["whole", "delta"])
def test_every_checkpoint_of_a_graph_is_proven(tmp_path: Path, schema: type) -> None:
    saver = HoldfastSaver(f"sqlite:///{tmp_path}/graph.db")
    graphs.counter(saver, schema, until=6).invoke({"n": 0, "log": []}, CONFIG)
    sampled = Sampled(checkpoints=20)
    done = list(drill(saver.store, sampled, folder=tmp_path / "s", now=datetime.now(UTC)))
    assert len(done) > 3
    assert {one.reason for one in done if one.outcome is not Outcome.PROVEN} == set()
