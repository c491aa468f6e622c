"""Restores and forks of real threads, proved by LangGraph's own reading of what they wrote.

For each thread of the samples, at its first, middle and last checkpoint, at each branch point, at
interrupts and at errors: what LangGraph reads afterwards has the same hash in every channel as at
the checkpoint, and the same nodes run next.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkpoints import lineage
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.records import Checkpoint, Head, Status
from tests.checkpoints.connectors import graphs, langgraph_tables

SAMPLE_THREADS = (
    "approval-7",
    "coder-42",
    "crew-alpha",
    "crew-beta",
    "delta-1",
    "drift-9",
    "etl-nightly",
    "exit-1",
    "hog-3",
    "memory-11",
    "support-001",
    "support-002",
    "typed-5",
)
FORKED = "forked"


@dataclass(frozen=True, slots=True)
class Place:
    """Where LangGraph keeps threads: how the store is opened, and how LangGraph's own saver is."""

    store: Callable[[], Any]
    saver: Callable[[], AbstractContextManager[Any]]


@pytest.fixture(params=["sqlite", "postgresql"])
def sample(request: pytest.FixtureRequest, samples: Path, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        path = tmp_path / "sample.sqlite"
        shutil.copyfile(samples / "langgraph.sqlite", path)
        return _in_file(path)
    url = request.getfixturevalue("postgresql_url")
    langgraph_tables.load_sample(samples, url)
    return _in_tables(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return _in_file(tmp_path / "own.sqlite")
    return _in_tables(request.getfixturevalue("postgresql_url"))


def _in_file(path: Path) -> Place:
    return Place(lambda: LangGraphSqliteStore(path), lambda: graphs.saver(path))


def _in_tables(url: str) -> Place:
    return Place(lambda: langgraph_tables.opened(url), lambda: langgraph_tables.saver(url))


def positions(store: Any, thread_id: str) -> Iterator[Checkpoint]:
    """Yield the checkpoints of a thread at which restores are proved, each once."""
    history = store.history(None, thread_id)
    roots = [record for record in history if record.namespace == ""]
    branches = {name for name, why in store.exempt(None, thread_id).items() if "branch" in why}
    odd = (Status.WAITING, Status.FAILED)
    chosen = [roots[-1], roots[len(roots) // 2], roots[0]]
    chosen += [r for r in roots if r.id in branches]
    chosen += [r for r in roots if r.status in odd][:3]
    yield from {record.id: record for record in chosen}.values()


def graph_of(store: Any, saver: Any, thread_id: str) -> Any:
    """Return a graph that reads a thread: its own for a delta channel, else one like it."""
    if thread_id == "delta-1":
        return graphs.counter(saver, graphs.Delta, until=50)
    history = store.history(None, thread_id)
    channels: set[str] = set()
    for record in history:
        if record.namespace == "":
            channels.update(name for name in store.load(record) if name.isidentifier())
    channels -= {"__start__", "__pregel_tasks"}
    return graphs.lookalike(history, channels, saver, [])


def hashes(saver: Any, values: Any) -> dict[str, str]:
    """Return a hash of each channel's value as LangGraph itself writes it down."""
    found: dict[str, str] = {}
    for name, value in values.items():
        kind, data = saver.serde.dumps_typed(value)
        found[name] = hashlib.sha256(kind.encode() + data).hexdigest()
    return found


def restore(store: Any, target: Checkpoint, operation: str) -> Head:
    """Restore as an operator does: plan, choose ids, carry out."""
    plan = store.plan_restore(target)
    head: Head = store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id=operation,
        reason="it went wrong",
        now=datetime.now(UTC),
    )
    return head


def fork(store: Any, target: Checkpoint, thread_id: str, operation: str) -> Head:
    """Fork as an operator does."""
    plan = lineage.plan_fork(store, target, thread_id=thread_id)
    head: Head = store.fork(
        plan,
        written_ids=store.choose_fork_ids(plan),
        operation_id=operation,
        reason="try again",
        now=datetime.now(UTC),
    )
    return head


@pytest.mark.parametrize("thread_id", SAMPLE_THREADS)
def test_langgraph_reads_every_channel_and_the_next_nodes_as_they_were(
    sample: Place, thread_id: str
) -> None:
    with closing(sample.store()) as store, sample.saver() as saver:
        graph = graph_of(store, saver, thread_id)
        targets = list(positions(store, thread_id))
        assert len(targets) >= 3
        compared = 0
        for number, target in enumerate(targets):
            then = graph.get_state(graphs.config(thread_id, target.id))
            wanted = hashes(saver, then.values), sorted(then.next)
            new = f"{FORKED} {number}"
            for name, head in (
                (new, fork(store, target, new, f"fork {number}")),
                (thread_id, restore(store, target, f"restore {number}")),
            ):
                now = graph.get_state(graphs.config(name))
                assert now.config["configurable"]["checkpoint_id"] == head.checkpoint_id
                assert (hashes(saver, now.values), sorted(now.next)) == wanted
                assert sorted(target.next_steps) == wanted[1]
                compared += len(wanted[0])
        assert compared >= 2 * (len(targets) - 1)


GRAPHS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "a loop": (graphs.counter, {"n": 0, "log": []}),
    "a delta channel": (
        lambda saver: graphs.counter(saver, graphs.Delta, until=12),
        {"n": 0, "log": []},
    ),
    "a subgraph that lasts": (graphs.talk, {"q": "a", "turns": []}),
    "a join and a question": (graphs.fan, {"seen": []}),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_ends_where_it_ended_from_wherever_it_is_put_back(place: Place, name: str) -> None:
    build, given = GRAPHS[name]
    with place.saver() as saver:
        saver.setup()
        graph = build(saver)
        graph.invoke(given, {**graphs.config("t"), "recursion_limit": 100})
        end = graph.get_state(graphs.config("t"))
        with closing(place.store()) as store:
            roots = [r for r in store.history(None, "t") if r.namespace == "" and r.next_steps]
            for number, target in enumerate(roots):
                then = graph.get_state(graphs.config("t", target.id))
                fork(store, target, f"{FORKED} {number}", f"fork {number}")
                restore(store, target, f"restore {number}")
                for thread_id in (f"{FORKED} {number}", "t"):
                    config = {**graphs.config(thread_id), "recursion_limit": 100}
                    assert graph.get_state(config).values == then.values
                    graph.invoke(None, config)
                    again = graph.get_state(config)
                    assert (again.values, again.next) == (end.values, end.next)
