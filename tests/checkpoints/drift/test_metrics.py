"""Numbers and tool calls are read out of records and states of many frameworks, and nothing run."""

from __future__ import annotations

import math
import sys
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.drift.metrics import grows, observe, state_metrics, tool_calls
from checkpoints.loops import LoopState
from checkpoints.records import Checkpoint, Status
from checkpoints.testing import NOON


def described(name: str, **value: Any) -> dict[str, Any]:
    return {"__type__": f"langchain_core.messages.{name}", "value": value}


def ai(call_id: str, tool: str = "search", **more: Any) -> dict[str, Any]:
    call = {"name": tool, "args": {"q": "tides"}, "id": call_id}
    return described("ai.AIMessage", content="", tool_calls=[call], **more)


def answer(call_id: str, content: str = "high at nine") -> dict[str, Any]:
    return described("tool.ToolMessage", content=content, tool_call_id=call_id)


def record(number: int, **values: Any) -> Checkpoint:
    given: dict[str, Any] = {
        "agent_id": "agent-1",
        "thread_id": "main",
        "step": number,
        "created_at": NOON + timedelta(seconds=10 * number),
        "run_id": "run-1",
        "status": Status.RUNNING,
        **values,
    }
    return Checkpoint(id=f"c{number}", **given)


def test_langgraph_tells_messages_their_tokens_and_tool_calls() -> None:
    usage = {"input_tokens": 90, "output_tokens": 10, "total_tokens": 100}
    older = {"token_usage": {"prompt_tokens": 30, "completion_tokens": 12}}
    state = {
        "messages": [
            described("human.HumanMessage", content="when is high tide?"),
            ai("1", usage_metadata=usage),
            answer("1"),
            ai("2", usage_metadata=None, response_metadata=older),
        ],
        "branch:to:agent": None,
    }
    assert state_metrics(state) == {
        "conversation_length": 4,
        "tokens_total": 142,
        "tool_calls_total": 2,
    }


def test_kaizen_tells_memory_plan_tools_and_budget() -> None:
    state = {
        "checkpoint_id": "ckpt_1",
        "step_number": 7,
        "conversation_history": [{"role": "user", "content": "go"}],
        "memory_contents": {"fact_0": "a", "fact_1": "b"},
        "pending_actions": [{"tool": "search"}],
        "completed_actions": [],
        "tool_usage_counts": {"search": 4, "python": 2},
        "budget_spent_usd": 0.25,
    }
    assert state_metrics(state) == {
        "conversation_length": 1,
        "memory_items": 2,
        "pending_actions": 1,
        "completed_actions": 0,
        "tool_calls_total": 6,
        "spent_usd": 0.25,
    }


def test_dreamos_tells_progress_mailbox_memory_and_decisions() -> None:
    state = {
        "current_task": {"id": "TASK-001", "progress_percentage": 40},
        "mailbox": {"last_processed_id": "MSG-7", "pending_count": 2},
        "operational_context": {"goals": ["a"], "decisions": ["b", "c"]},
        "memory": {"short_term": ["x", "y"], "session": [{"cycle": 1}]},
    }
    assert state_metrics(state) == {
        "memory_items": 3,
        "progress": 40,
        "mailbox": 2,
        "decisions": 2,
    }


def test_a_loop_of_ones_own_tells_its_counts_and_its_spending() -> None:
    state = LoopState(plan=["a", "b"], memory={"x": 1}, conversation=["hello"])
    state.values["budget"]["spent_usd"] = 1.5
    found = state_metrics(state.values)
    assert found["spent_usd"] == 1.5
    assert (found["plan_items"], found["memory_items"], found["conversation_length"]) == (2, 1, 1)


def test_a_plan_with_statuses_tells_how_much_of_it_is_done() -> None:
    plan = [{"status": "completed"}, {"status": "pending"}, {"done": True}, {"done": False}]
    assert state_metrics({"plan": plan})["plan_done"] == 50


def test_numbers_at_the_top_keep_their_names() -> None:
    state = {"temperature": 21.5, "queue": 3, "ok": True, "started_at": 1.7e9, "order_id": 17}
    assert state_metrics(state) == {"temperature": 21.5, "queue": 3}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, "7", None, [7]])
def test_what_is_no_finite_number_is_left_out(value: Any) -> None:
    assert state_metrics({"x": value}) == {}


def test_a_state_of_thousands_of_fields_tells_a_bounded_number_of_them() -> None:
    assert len(state_metrics({f"field-{n}": n for n in range(10_000)})) == 24


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"messages": "not a list", "plan": 7, "memory": None, "current_task": []},
        {"messages": [None, 7, "x", [], {}], "budget": "none", "tool_usage_counts": [1]},
        {1: 2, None: 3, "mailbox": {"pending_count": "many"}},
        {"messages": {"__type__": "x.Y", "value": None}},
    ],
)
def test_states_of_no_known_form_raise_nothing(state: Any) -> None:
    assert all(math.isfinite(value) for value in state_metrics(state).values())
    assert tool_calls(state) == []


def test_reading_a_state_imports_nothing_that_it_names() -> None:
    before = set(sys.modules)
    state = {"messages": [{"__type__": "antigravity.Fly", "value": {"tool_calls": []}}]}
    state_metrics(state)
    tool_calls(state)
    assert set(sys.modules) == before


def test_only_calls_that_are_new_and_answered_are_told() -> None:
    before = {"messages": [ai("1"), answer("1"), ai("2")]}
    state = {"messages": [*before["messages"], answer("2"), ai("3")]}
    (call,) = tool_calls(state, before)
    assert call.tool == "search"
    assert call.result


def test_the_same_call_with_the_same_answer_has_the_same_digests() -> None:
    state = {"messages": [ai("1"), answer("1"), ai("2"), answer("2"), ai("3"), answer("3", "low")]}
    first, second, third = tool_calls(state)
    assert first == second
    assert (third.arguments, third.result != first.result) == (first.arguments, True)


def test_a_conversation_that_was_shortened_tells_no_call_twice() -> None:
    messages = [message for n in range(9) for message in (ai(str(n)), answer(str(n)))]
    before, state = {"messages": messages}, {"messages": [*messages[-4:], ai("9"), answer("9")]}
    assert len(tool_calls(state, before)) == 1


def test_kaizens_completed_actions_are_calls() -> None:
    action = {"tool": "search", "args": {"q": "index"}, "ok": True}
    before = {"completed_actions": [action]}
    (call,) = tool_calls({"completed_actions": [action, action]}, before)
    assert call == tool_calls(before)[0]


def test_a_record_tells_its_size_its_own_metrics_and_how_long_it_took() -> None:
    before, after = record(1), record(2, size=500, metrics={"tokens": 12, "bad": math.nan})
    told = observe(after, before=before)
    assert told.metrics == {"duration": 10, "state_size": 500, "tokens": 12}
    assert (told.checkpoint_id, told.thread_id, told.failed) == ("c2", "main", False)


@pytest.mark.parametrize(
    "before",
    [
        None,
        record(1, run_id="another"),
        record(1, status=Status.WAITING),
        record(1, created_at=NOON + timedelta(days=1)),
    ],
    ids=["first", "another run", "waited for somebody", "clock went back"],
)
def test_a_rest_is_no_duration(before: Checkpoint | None) -> None:
    assert "duration" not in observe(record(2), before=before).metrics


def test_a_failed_checkpoint_is_told_and_an_unknown_status_is_unknown() -> None:
    assert observe(record(2, status=Status.FAILED), before=None).failed is True
    assert observe(record(2, status=Status.UNKNOWN), before=None).failed is None
    assert observe(record(2), before=None, failed=True).failed is True


def test_calls_are_told_only_where_it_is_known_what_was_before() -> None:
    state = {"messages": [ai("1"), answer("1")]}
    told = observe(record(2), before=record(1), state=state)
    assert told.calls == ()
    assert len(observe(record(2), before=None, state=state).calls) == 1


def test_lengths_and_sums_grow_and_what_one_step_took_does_not() -> None:
    assert all(map(grows, ["state_size", "conversation_length", "total_tokens", "tokens_used"]))
    assert not any(map(grows, ["tokens", "duration", "cost", "divergence"]))
