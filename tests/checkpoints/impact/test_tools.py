"""Tool calls in the states of many frameworks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.impact import tool_uses
from checkpoints.tool_uses import MOST_VALUES

ARGUMENTS = {"q": "weather"}
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "LangChain, described": (
        {
            "__type__": "langchain_core.messages.ai.AIMessage",
            "value": {
                "content": "",
                "tool_calls": [{"name": "ask", "args": ARGUMENTS, "id": "c1"}],
            },
        },
        {
            "__type__": "langchain_core.messages.tool.ToolMessage",
            "value": {"content": "sun", "tool_call_id": "c1"},
        },
    ),
    "OpenAI, chat": (
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "ask", "arguments": json.dumps(ARGUMENTS)},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
    ),
    "OpenAI, older": (
        {
            "role": "assistant",
            "function_call": {"name": "ask", "arguments": json.dumps(ARGUMENTS)},
        },
        {"role": "function", "name": "ask", "content": "sun"},
    ),
    "OpenAI, responses": (
        {
            "type": "function_call",
            "call_id": "c1",
            "id": "fc_1",
            "name": "ask",
            "arguments": json.dumps(ARGUMENTS),
        },
        {"type": "function_call_output", "call_id": "c1", "output": "sun"},
    ),
    "Anthropic": (
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "ask", "input": ARGUMENTS}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "sun"}],
        },
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_call_is_found_with_its_arguments_and_its_result(form: str) -> None:
    call, result = FORMS[form]
    [asked] = tool_uses({"messages": [call]})
    assert (asked.name, asked.arguments, asked.has_result) == ("ask", ARGUMENTS, False)
    [answered] = tool_uses({"messages": [call, result]})
    assert answered.has_result
    assert answered.key == asked.key


def test_a_call_that_is_told_twice_is_one_call() -> None:
    call = {"name": "ask", "args": ARGUMENTS, "id": "c1", "type": "tool_call"}
    block = {"type": "tool_use", "id": "c1", "name": "ask", "input": ARGUMENTS}
    message = {"type": "ai", "content": [block], "tool_calls": [call]}
    sent = {"__type__": "langgraph.types.Send", "value": ["tools", call]}
    assert len(tool_uses({"messages": [message], "__pregel_tasks": [sent]})) == 1


def test_two_calls_without_ids_are_two_calls() -> None:
    call = {"role": "assistant", "function_call": {"name": "ask", "arguments": "{}"}}
    result = {"role": "function", "name": "ask"}
    first, second = tool_uses({"messages": [call, result, call]})
    assert (first.has_result, second.has_result) == (True, False)


@pytest.mark.parametrize(
    "state",
    [
        {"tools": [{"type": "function", "function": {"name": "ask", "parameters": {}}}]},
        {"tool_calls": 3, "function_call": "auto"},
        {"tool_calls": [None, "x", {"id": 1}, {"name": ["x"]}, {"function": {"name": ""}}]},
        {"completed_actions": [{"note": "no name"}, 7]},
        {"tool_usage_counts": ["x"]},
        {"__type__": "x", "value": None},
        {"invalid_tool_calls": [{"name": "ask", "args": "{", "type": "invalid_tool_call"}]},
        [],
        None,
    ],
)
def test_what_is_no_call_is_not_taken_for_one(state: Any) -> None:
    assert tool_uses(state) == []


def test_a_state_without_end_is_looked_at_for_a_while() -> None:
    state: Any = {"type": "tool_use", "name": "deepest"}
    for _ in range(MOST_VALUES + 1):
        state = [state]
    assert tool_uses(state) == []


def test_the_calls_of_a_real_graph_are_found(samples: Path) -> None:
    store = LangGraphSqliteStore(samples / "langgraph.sqlite")
    head = store.history(None, "support-001")[0]
    uses = tool_uses(store.load(head))
    assert {use.name for use in uses} == {"search_kb", "lookup_order"}
    assert all(use.has_result and use.call_id for use in uses)


def test_the_actions_of_a_real_kaizen_agent_are_found(samples: Path) -> None:
    store = KaizenStore(samples / "kaizen" / "flat")
    state = store.load(store.history("research_agent", "main")[0])
    uses = tool_uses(state)
    assert len(uses) == len(state["completed_actions"])
    assert all(use.has_result for use in uses)
