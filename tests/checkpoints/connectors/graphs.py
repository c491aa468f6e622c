"""Graphs that resume sample threads: the same nodes and channels, other work inside."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from checkpoints.records import Checkpoint


@contextmanager
def saver(path: Path) -> Iterator[SqliteSaver]:
    """Open LangGraph's own saver on a file."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


def config(thread_id: str, checkpoint_id: str | None = None) -> RunnableConfig:
    """Return LangGraph's configuration for a thread or one of its checkpoints."""
    values = {"thread_id": thread_id, "checkpoint_ns": ""}
    return {"configurable": values | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})}


def lookalike(
    records: list[Checkpoint],
    channels: set[str],
    checkpointer: BaseCheckpointSaver[Any],
    ran: list[str],
) -> Any:
    """Compile a graph with the nodes and channels of a thread; its nodes only note that they ran.

    Channels are plain ones: what a checkpoint holds does not depend on how it was reduced.
    """
    names = {n for r in records if r.namespace == "" for n in (*r.next_steps, *r.written_by)}
    schema = TypedDict("schema", dict.fromkeys(sorted(channels), Any))  # type: ignore[misc]
    graph: StateGraph[Any] = StateGraph(schema)
    nodes = sorted(names - {START})
    for name in nodes:
        graph.add_node(name, _noting(name, ran))
        graph.add_edge(name, END)
    graph.add_conditional_edges(START, lambda _: END, [*nodes, END])
    return graph.compile(checkpointer=checkpointer)


def _noting(name: str, ran: list[str]) -> Any:
    def node(state: Any) -> dict[str, Any]:
        ran.append(name)
        return {}

    return node


class Counting(TypedDict):
    n: int
    log: Annotated[list[str], operator.add]


def extend(log: list[str], batches: list[list[str]]) -> list[str]:
    """Reduce a delta channel."""
    return [*log, *(item for batch in batches for item in batch)]


class Delta(TypedDict):
    n: int
    log: Annotated[list[str], DeltaChannel(extend, snapshot_frequency=8)]


def counting(state: Any) -> dict[str, Any]:
    """Count one on and log it."""
    n = state["n"] + 1
    return {"n": n, "log": [f"event {n}"]}


def counter(
    checkpointer: BaseCheckpointSaver[Any], schema: type = Counting, *, until: int = 6
) -> Any:
    """Compile a loop that counts."""
    graph: StateGraph[Any] = StateGraph(schema)
    graph.add_node("work", counting)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", lambda s: "work" if s["n"] % until else END, ["work", END])
    return graph.compile(checkpointer=checkpointer)


class Memory(TypedDict):
    facts: Annotated[list[str], operator.add]


class Talk(TypedDict):
    q: str
    turns: Annotated[list[str], operator.add]


def talk(checkpointer: BaseCheckpointSaver[Any]) -> Any:
    """Compile a graph whose subgraph keeps its own state between calls."""
    inner = StateGraph(Memory)
    inner.add_node("remember", lambda s: {"facts": [f"fact {len(s['facts'])}"]})
    inner.add_edge(START, "remember")
    memory = inner.compile(checkpointer=True)

    def remember(state: Talk) -> dict[str, Any]:
        memory.invoke({"facts": [state["q"]]})
        return {}

    graph = StateGraph(Talk)
    graph.add_node("memory", remember)
    graph.add_node("answer", lambda s: {"turns": [f"answered {s['q']}"]})
    graph.add_edge(START, "memory")
    graph.add_edge("memory", "answer")
    return graph.compile(checkpointer=checkpointer)


class Joined(TypedDict):
    seen: Annotated[list[str], operator.add]


def fan(checkpointer: BaseCheckpointSaver[Any]) -> Any:
    """Compile a graph with two branches of unequal length, a join and a question at its end."""
    graph = StateGraph(Joined)
    for name in ("left", "right", "right_again"):
        graph.add_node(name, lambda _, name=name: {"seen": [name]})
    graph.add_node("ask", lambda _: {"seen": [str(interrupt("go on?"))]})
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge("right", "right_again")
    graph.add_edge(["left", "right_again"], "ask")
    return graph.compile(checkpointer=checkpointer)
