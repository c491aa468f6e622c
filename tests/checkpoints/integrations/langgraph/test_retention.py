"""A retention policy beside a graph's saves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkpoints.integrations.langgraph import HoldfastSaver
from checkpoints.retention import RetentionPolicy
from tests.checkpoints.connectors import graphs

CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}, "recursion_limit": 200}
KEPT, STEPS = 5, 60


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HoldfastSaver]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/retained.db"
    with HoldfastSaver(url, retention=RetentionPolicy.keep_last(KEPT)) as opened:
        yield opened


def test_a_long_thread_keeps_about_what_the_policy_says(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, until=STEPS)
    whole = graph.invoke({"n": 0, "log": []}, CONFIG)
    assert KEPT <= len(saver.store.history(None, "t")) <= KEPT + 16
    assert graph.get_state(CONFIG).values == whole


def test_a_delta_channel_outlives_the_policy(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, graphs.Delta, until=STEPS)
    whole = graph.invoke({"n": 0, "log": []}, CONFIG)
    assert len(saver.store.history(None, "t")) < STEPS
    assert graph.get_state(CONFIG).values == whole
    for snapshot in list(graph.get_state_history(CONFIG))[:KEPT]:
        assert snapshot.values["log"] == whole["log"][: snapshot.values["n"]]


def test_a_pinned_checkpoint_stays(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, until=STEPS)
    graph.update_state(CONFIG, {"n": 0, "log": []})
    [first] = saver.store.history(None, "t")
    saver.store.pin(first, reason="how it began", now=datetime.now(UTC))
    graph.invoke({"n": 0}, CONFIG)
    assert first.id in {record.id for record in saver.store.history(None, "t")}


def test_a_persistent_subgraph_keeps_what_it_goes_on_from(saver: HoldfastSaver) -> None:
    graph = graphs.talk(saver)
    graph.invoke({"q": "first"}, CONFIG)
    counting = graphs.counter(saver, until=STEPS)
    counting.invoke({"n": 0, "log": []}, CONFIG)
    graph.invoke({"q": "last"}, CONFIG)
    everything: Any = {"configurable": {"thread_id": "t"}}
    inner = next(t for t in saver.list(everything) if t.config["configurable"]["checkpoint_ns"])
    assert {"first", "last"} <= set(inner.checkpoint["channel_values"]["facts"])


def test_without_a_policy_everything_stays() -> None:
    with HoldfastSaver("memory://") as saver:
        graphs.counter(saver, until=STEPS).invoke({"n": 0, "log": []}, CONFIG)
        assert len(saver.store.history(None, "t")) == STEPS + 2
