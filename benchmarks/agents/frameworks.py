"""Whole small states as frameworks keep them, and the entries that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.agents import messages
from benchmarks.agents.messages import Maker
from benchmarks.agents.outputs import any_output
from benchmarks.agents.writer import Writer

Entry = Callable[[Writer, int], Any]
_ACTIONS = ("search", "fetch", "read_file", "write_file", "run_tests", "send_email", "lookup_order")
_STATUSES = ("pending", "in_progress", "running", "completed", "failed", "blocked")


def langgraph_state(writer: Writer, size: int) -> dict[str, Any]:
    """Return a checkpoint of LangGraph with its channels and their versions."""
    node = writer.random.choice(("agent", "tools", "planner", "researcher", "writer"))
    versions = {
        name: f"{writer.random.randrange(1, 90):032}.{writer.random.random():.16f}"
        for name in ("__start__", "messages", f"branch:to:{node}", "remaining_steps")
    }
    return {
        "v": 4,
        "id": writer.uuid(),
        "ts": writer.moment(),
        "channel_values": {
            "messages": _some(writer, (messages.langchain_reply, _langchain_said), size - 600),
            f"branch:to:{node}": None,
            "remaining_steps": writer.random.randrange(25),
            "documents": [],
            "is_last_step": False,
        },
        "channel_versions": versions,
        "versions_seen": {"__input__": {}, "__start__": {}, node: dict(list(versions.items())[:1])},
        "updated_channels": ["messages", f"branch:to:{node}"],
        "pending_sends": [],
    }


def kaizen_state(writer: Writer, size: int) -> dict[str, Any]:
    """Return an agent's state as Kaizen writes it."""
    return {
        "checkpoint_id": f"ckpt_{writer.hexadecimal(12)}",
        "agent_id": f"{writer.noun()}-agent",
        "model": "gpt-4o-mini",
        "timestamp": writer.moment(),
        "updated_at": None,
        "step_number": writer.random.randrange(200),
        "conversation_history": _some(writer, (messages.question, _said), size - 900),
        "memory_contents": {writer.noun(): writer.words(6), "facts": [writer.sentence()]},
        "pending_actions": [action(writer, 100)],
        "completed_actions": [action(writer, 100), action(writer, 100)],
        "budget_spent_usd": round(writer.random.random(), 4),
        "approval_history": [],
        "tool_usage_counts": {"search": writer.random.randrange(9), "read_file": 1},
        "tool_results_cache": {},
        "active_specialists": [],
        "specialist_invocations": [],
        "workflow_run_id": None,
        "workflow_state": {},
        "control_protocol_state": {},
        "registered_hooks": [],
        "hook_event_history": [],
        "parent_checkpoint_id": f"ckpt_{writer.hexadecimal(12)}",
        "status": "running",
        "metadata": {"iteration": writer.random.randrange(9)},
    }


def plain_state(writer: Writer, size: int) -> dict[str, Any]:
    """Return the state of an agent that somebody wrote without a framework."""
    return {
        "step": writer.random.randrange(300),
        "iteration": writer.random.randrange(20),
        "status": writer.random.choice(_STATUSES),
        "goal": writer.prose(120),
        "messages": _some(writer, (*messages.REPLIES, *messages.TOOLS), size - 1_100),
        "plan": [task(writer, 100) for _ in range(3)],
        "memory": [memory(writer, 120) for _ in range(3)],
        "scratchpad": writer.prose(100),
        "tool_calls": writer.random.randrange(40),
        "errors": [],
        "retries": 0,
        "usage": {"input_tokens": writer.random.randrange(9_000), "output_tokens": 400},
        "metrics": {"confidence": writer.random.random(), "cost_usd": writer.random.random()},
        "operational_context": {"model": "gpt-4o", "temperature": 0.2, "max_tokens": 4096},
        "last_error": None,
        "started_at": writer.moment(),
        "updated_at": writer.moment(),
    }


def crew_state(writer: Writer, size: int) -> dict[str, Any]:
    """Return the state of a flow with tasks that hand their outputs on."""
    done = [
        {
            "name": f"{writer.noun()}_task",
            "description": writer.sentence(),
            "expected_output": writer.sentence(),
            "agent": writer.random.choice(("Researcher", "Writer", "Reviewer")),
            "raw": writer.markdown(max(100, size // 4)),
            "output_format": "raw",
            "pydantic": None,
            "json_dict": None,
        }
        for _ in range(3)
    ]
    return {"id": writer.uuid(), "inputs": {"topic": writer.words(3)}, "tasks_output": done}


def memory(writer: Writer, size: int) -> dict[str, Any]:
    """Return something that an agent remembers."""
    return {
        "id": writer.uuid(),
        "type": writer.random.choice(("fact", "preference", "observation", "summary")),
        "content": writer.prose(size),
        "source": writer.random.choice(("user", "assistant", "tool", writer.url())),
        "importance": writer.random.random(),
        "tags": [writer.noun(), writer.noun()],
        "metadata": {"created_at": writer.moment(), "access_count": writer.random.randrange(9)},
    }


def task(writer: Writer, size: int) -> dict[str, Any]:
    """Return a step of a plan."""
    return {
        "id": writer.random.randrange(20),
        "title": writer.words(5).capitalize(),
        "description": writer.prose(size),
        "status": writer.random.choice(_STATUSES),
        "done": writer.random.random() < 0.5,
        "depends_on": [writer.random.randrange(9)],
        "result": None,
    }


def action(writer: Writer, size: int) -> dict[str, Any]:
    """Return an action with its arguments and how it went."""
    return {
        "tool": writer.random.choice(_ACTIONS),
        "input": {"query": writer.words(4), "path": f"/{writer.noun()}/{writer.noun()}.py"},
        "output": writer.prose(size),
        "success": True,
        "error": None,
        "duration_ms": round(writer.random.random() * 900, 1),
        "timestamp": writer.moment(),
    }


def _said(writer: Writer, size: int) -> dict[str, Any]:
    return {"role": "assistant", "content": messages.answer(writer, size)}


def _langchain_said(writer: Writer, size: int) -> dict[str, Any]:
    kind = writer.random.choice(("human", "tool", "system"))
    kwargs = {"content": any_output(writer, size), "type": kind, "id": writer.uuid()}
    if kind == "tool":
        kwargs |= {"name": writer.noun(), "tool_call_id": f"call_{writer.hexadecimal(24)}"}
    return {"type": kind, "data": {**kwargs, "additional_kwargs": {}, "response_metadata": {}}}


def _some(writer: Writer, makers: tuple[Maker, ...], size: int) -> list[dict[str, Any]]:
    count = max(1, size // 700)
    return [writer.random.choice(makers)(writer, 600) for _ in range(count)]


STATES: tuple[Entry, ...] = (langgraph_state, kaizen_state, plain_state, crew_state)
ENTRIES: tuple[Entry, ...] = (memory, task, action, _langchain_said)
