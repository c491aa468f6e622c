"""The saver for LangGraph beside LangGraph's own: the same calls of a real graph, in turn.

A conversation of 2 KB a message is held once and each call to the checkpointer noted. Then both
savers are given call after call, one behind the other in changing order, so that the noise of the
machine hits both alike.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.agents.messages import answer
from benchmarks.measure import Bound, Row, median_ms, p99, seconds
from benchmarks.states import writer_of

STEPS, QUICK_STEPS = 1_000, 200
MESSAGE = 2_000
LOADS = 15

Call = tuple[str, tuple[Any, ...]]


def rows(*, quick: bool) -> Iterator[Row]:
    """Measure sizes and times; the goals are those of 1,000 steps."""
    steps = QUICK_STEPS if quick else STEPS
    calls = conversation(steps)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = _entrants(Path(folder))
        for number, call in enumerate(calls):
            for entrant in (ours, theirs) if number % 2 else (theirs, ours):
                entrant.take(call)
        loads = [median_ms(entrant.load, LOADS) for entrant in (ours, theirs)]
        for entrant in (ours, theirs):
            entrant.close()
        yield from _sizes(ours, theirs, steps)
        yield from _times(ours, theirs, loads)


def conversation(steps: int) -> list[Call]:
    """Hold a conversation of so many steps, and return the calls that save it."""
    from langchain_core.messages import AIMessage, HumanMessage
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, MessagesState, StateGraph

    calls: list[Call] = []

    class Noting(InMemorySaver):  # type: ignore[misc]
        def put(self, *given: Any) -> Any:
            calls.append(("put", given))
            return super().put(*given)

        def put_writes(self, *given: Any) -> None:
            calls.append(("put_writes", given))
            super().put_writes(*given)

    writer = writer_of(11)
    graph = StateGraph(MessagesState)
    graph.add_node("speak", lambda _: {"messages": [AIMessage(answer(writer, MESSAGE))]})
    graph.add_edge(START, "speak")
    graph.add_conditional_edges(
        "speak", lambda state: "speak" if len(state["messages"]) <= steps else END, ["speak", END]
    )
    config: Any = {"configurable": {"thread_id": "t"}, "recursion_limit": steps + 10}
    first = {"messages": [HumanMessage(answer(writer, MESSAGE))]}
    graph.compile(checkpointer=Noting()).invoke(first, config, durability="sync")
    return calls


@dataclass
class Entrant:
    """A saver, and how long each of its calls took in seconds."""

    saver: Any
    folder: Path
    close: Callable[[], None]
    took: dict[str, list[float]] = field(default_factory=dict)

    def take(self, call: Call) -> None:
        """Carry out a call and note its time."""
        name, given = call
        self.took.setdefault(name, []).append(seconds(lambda: getattr(self.saver, name)(*given)))

    def load(self) -> Any:
        """Load what the thread goes on from."""
        return self.saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}})

    @property
    def total(self) -> float:
        """Seconds of all calls."""
        return sum(map(sum, self.took.values()))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def _entrants(folder: Path) -> tuple[Entrant, Entrant]:
    from langgraph.checkpoint.sqlite import SqliteSaver

    from checkpoints.integrations.langgraph import HoldfastSaver

    theirs, stack = folder / "theirs", ExitStack()
    theirs.mkdir()
    saver = stack.enter_context(SqliteSaver.from_conn_string(str(theirs / "t.db")))
    holdfast = HoldfastSaver(f"sqlite:///{folder}/ours/t.db")
    return (
        Entrant(saver=holdfast, folder=folder / "ours", close=holdfast.close),
        Entrant(saver=saver, folder=theirs, close=stack.close),
    )


def _sizes(ours: Entrant, theirs: Entrant, steps: int) -> Iterator[Row]:
    yield Row(
        name="size, growing conversation: SqliteSaver ÷ HoldfastSaver",
        value=theirs.size / ours.size,
        unit="×",
        goal=100 if steps == STEPS else None,
        bound=Bound.AT_LEAST,
        note=f"{theirs.size / 1e6:.1f} and {ours.size / 1e6:.2f} MB, {steps:,} steps",
    )


def _times(ours: Entrant, theirs: Entrant, loads: list[float]) -> Iterator[Row]:
    yield Row(
        name="all saves and writes: SqliteSaver ÷ HoldfastSaver",
        value=theirs.total / ours.total,
        unit="×",
        goal=1,
        bound=Bound.AT_LEAST,
        note=f"{theirs.total:.1f} and {ours.total:.1f} s",
    )
    for name, what in (("put", "a checkpoint"), ("put_writes", "a task's writes")):
        mine, other = ours.took[name], theirs.took[name]
        yield Row(
            name=f"saving {what}, median: SqliteSaver ÷ HoldfastSaver",
            value=median(other) / median(mine),
            unit="×",
            note=(
                f"medians {median(other) * 1e3:.2f} and {median(mine) * 1e3:.2f} ms, "
                f"p99 {p99(other) * 1e3:.1f} and {p99(mine) * 1e3:.1f} ms"
            ),
        )
    yield Row(
        name="loading the latest: HoldfastSaver ÷ SqliteSaver",
        value=loads[0] / loads[1],
        unit="×",
        note=f"medians {loads[0]:.1f} and {loads[1]:.1f} ms",
    )
