"""Write ``examples/langgraph_support.sqlite``: a support desk on LangGraph, four tickets.

Needs langgraph and langgraph-checkpoint-sqlite. Run: ``python -m examples.make_langgraph_store``
"""

from __future__ import annotations

import operator
import sqlite3
import sys
from pathlib import Path
from random import Random
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

DEFAULT_PATH = Path(__file__).with_name("langgraph_support.sqlite")
_QUESTIONS = (
    "My parcel has not arrived.", "The app logs me out.", "I was charged twice.",
    "How do I change the address?", "The lamp flickers.",
)  # fmt: skip
_ANSWERS = (
    "I looked it up: it left the depot on Tuesday.", "Please try again, the session was renewed.",
    "One of the two charges is only reserved and lapses by itself.",
    "Under Settings, Delivery, Change.", "That is a known fault; a new one is on its way.",
)  # fmt: skip


class Ticket(TypedDict):
    """The state of one ticket."""

    messages: Annotated[list[dict[str, str]], operator.add]
    refund: float
    broken: bool


def triage(_state: Ticket) -> dict[str, Any]:
    """Note that the question was read."""
    return {"messages": [{"role": "system", "content": "triaged"}]}


def answer(state: Ticket) -> dict[str, Any]:
    """Answer the last question, or fail as a broken tool does."""
    if state["broken"]:
        raise ConnectionError("the order service did not answer within 10 s")
    random = Random(len(state["messages"]))
    return {"messages": [{"role": "assistant", "content": random.choice(_ANSWERS)}]}


def approve(state: Ticket) -> dict[str, Any]:
    """Ask a person before money is paid back."""
    decision = interrupt({"question": "Refund?", "amount": state["refund"]})
    return {"messages": [{"role": "system", "content": f"refund: {decision}"}], "refund": 0.0}


def build() -> StateGraph[Ticket]:
    """Return the graph: triage, answer, and approval where a refund is due."""
    graph = StateGraph(Ticket)
    for name, node in (("triage", triage), ("answer", answer), ("approve", approve)):
        graph.add_node(name, node)
    graph.add_edge(START, "triage")
    graph.add_edge("triage", "answer")
    graph.add_conditional_edges("answer", lambda s: "approve" if s["refund"] > 0 else END)
    graph.add_edge("approve", END)
    return graph


def config_of(thread: str) -> dict[str, Any]:
    """Return the configuration of a run; its metadata names the agent."""
    return {"configurable": {"thread_id": thread}, "metadata": {"agent_name": "support-desk"}}


def ask(graph: Any, thread: str, turns: int, *, refund: float = 0.0, broken: bool = False) -> None:
    """Put questions to one thread."""
    config = config_of(thread)
    random = Random(thread)
    for turn in range(turns):
        last = turn == turns - 1
        question = {"role": "user", "content": random.choice(_QUESTIONS)}
        values = {"messages": [question], "refund": refund * last, "broken": broken and last}
        try:
            graph.invoke(values, config)
        except ConnectionError:
            return


def write(path: Path) -> None:
    """Write the store anew."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    graph = build().compile(checkpointer=SqliteSaver(connection))
    ask(graph, "ticket-1001", turns=3)
    ask(graph, "ticket-1002", turns=2, refund=49.9)
    ask(graph, "ticket-1003", turns=2, broken=True)
    ask(graph, "ticket-1004", turns=8, refund=12.0)
    config = {
        "configurable": {"thread_id": "ticket-1004"},
        "metadata": {"agent_name": "support-desk"},
    }
    graph.invoke(Command(resume="granted"), config)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("VACUUM")
    connection.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PATH)
