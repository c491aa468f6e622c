"""A growing conversation takes little more than what is new in it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from checkpoints.integrations.langgraph import HoldfastSaver

STEPS, MESSAGE = 200, 2_000
CONFIG: Any = {"configurable": {"thread_id": "t"}, "recursion_limit": STEPS + 10}


def talk(saver: Any) -> None:
    """Hold a conversation of random words, which compress worse than any language."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(3_000)]

    def text() -> str:
        return " ".join(chance.choices(words, k=MESSAGE // 7))

    def more(state: MessagesState) -> str:
        return "speak" if len(state["messages"]) < STEPS else END

    graph = StateGraph(MessagesState)
    graph.add_node("speak", lambda _: {"messages": [AIMessage(text())]})
    graph.add_edge(START, "speak")
    graph.add_conditional_edges("speak", more, ["speak", END])
    graph.compile(checkpointer=saver).invoke({"messages": [HumanMessage(text())]}, CONFIG)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_conversation_of_200_steps_takes_a_twentieth_of_langgraphs_own(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    with HoldfastSaver(f"sqlite:///{ours}/t.db") as saver:
        talk(saver)
    with SqliteSaver.from_conn_string(str(theirs / "t.db")) as sqlite_saver:
        talk(sqlite_saver)
    assert size_of(ours) * 20 < size_of(theirs)
