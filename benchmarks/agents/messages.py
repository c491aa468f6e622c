"""Messages as the clients of language models and the frameworks keep them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.agents.outputs import any_output
from benchmarks.agents.writer import Writer

Message = dict[str, Any]
Maker = Callable[[Writer, int], Message]


def question(writer: Writer, size: int) -> Message:
    """Return what a user writes, now and then in another language."""
    text = writer.foreign if writer.random.random() < 0.15 else writer.prose
    return {"role": "user", "content": text(size), "timestamp": writer.moment()}


def openai_reply(writer: Writer, size: int) -> Message:
    """Return an assistant's message with its usage, as an agent keeps it for OpenAI's API."""
    prompt, completion = writer.random.randrange(200, 90_000), max(1, size // 4)
    return {
        "id": f"chatcmpl-{writer.hexadecimal(29)}",
        "role": "assistant",
        "content": answer(writer, size - 260),
        "refusal": None,
        "model": "gpt-4o-2024-11-20",
        "created": 1_760_000_000 + writer.random.randrange(10**7),
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": prompt // 128 * 128},
        },
    }


def openai_call(writer: Writer, size: int) -> Message:
    """Return an assistant's message that calls a tool."""
    arguments = {writer.noun(): writer.words(5), "limit": writer.random.randrange(50)}
    arguments["text"] = writer.prose(max(20, size - 260))
    function = {"name": f"{writer.noun()}_{writer.noun()}", "arguments": json.dumps(arguments)}
    call = {"id": f"call_{writer.hexadecimal(24)}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def openai_tool(writer: Writer, size: int) -> Message:
    """Return a tool's message."""
    call = f"call_{writer.hexadecimal(24)}"
    return {"role": "tool", "tool_call_id": call, "content": any_output(writer, size - 70)}


def anthropic_reply(writer: Writer, size: int) -> Message:
    """Return an assistant's message with a tool's use, as Anthropic's API gives it."""
    use = {
        "type": "tool_use",
        "id": f"toolu_{writer.hexadecimal(24)}",
        "name": f"{writer.noun()}_{writer.noun()}",
        "input": {writer.noun(): writer.words(4), "max_results": writer.random.randrange(1, 20)},
    }
    return {
        "id": f"msg_{writer.hexadecimal(24)}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": answer(writer, size - 420)}, use],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": writer.random.randrange(3_000),
            "cache_creation_input_tokens": writer.random.randrange(2_000),
            "cache_read_input_tokens": writer.random.randrange(90_000),
            "output_tokens": max(1, size // 4),
            "service_tier": "standard",
        },
    }


def anthropic_result(writer: Writer, size: int) -> Message:
    """Return the message that brings a tool's result to Anthropic's API."""
    result = {
        "type": "tool_result",
        "tool_use_id": f"toolu_{writer.hexadecimal(24)}",
        "content": [{"type": "text", "text": writer.prose(size - 130)}],
        "is_error": writer.random.random() < 0.05,
    }
    return {"role": "user", "content": [result]}


def langchain_reply(writer: Writer, size: int) -> Message:
    """Return an AI message as LangChain writes it into JSON."""
    call = {
        "name": f"{writer.noun()}_{writer.noun()}",
        "args": {writer.noun(): writer.words(4)},
        "id": f"call_{writer.hexadecimal(24)}",
        "type": "tool_call",
    }
    usage = {"input_tokens": writer.random.randrange(9_000), "output_tokens": size // 4}
    data = {
        "content": answer(writer, size - 430),
        "additional_kwargs": {"refusal": None},
        "response_metadata": {
            "token_usage": usage,
            "model_name": "gpt-4o-mini-2024-07-18",
            "system_fingerprint": f"fp_{writer.hexadecimal(10)}",
            "finish_reason": writer.random.choice(("stop", "tool_calls")),
            "logprobs": None,
        },
        "type": "ai",
        "name": None,
        "id": f"run-{writer.uuid()}-0",
        "example": False,
        "tool_calls": [call],
        "invalid_tool_calls": [],
        "usage_metadata": {**usage, "input_token_details": {"audio": 0, "cache_read": 0}},
    }
    return {"type": "ai", "data": data}


def answer(writer: Writer, size: int) -> str:
    """Return what a model writes: prose, markdown or code."""
    text = writer.random.choices((writer.prose, writer.markdown, writer.code), (5, 3, 1))[0]
    return text(max(40, size))


TOOLS: tuple[Maker, ...] = (openai_tool, openai_tool, openai_tool, anthropic_result)
REPLIES: tuple[Maker, ...] = (openai_reply, openai_reply, openai_call, anthropic_reply)
ALL: tuple[Maker, ...] = tuple(dict.fromkeys((question, *TOOLS, *REPLIES, langchain_reply)))
SMALLEST = 520
"""Bytes that every one of these messages can do with."""


def turn(writer: Writer, size: int) -> list[Message]:
    """Return the messages of one step, a tool's and a reply: in all about ``size`` bytes."""
    if writer.random.random() < 0.06:
        return [question(writer, size)]
    if size < 2 * SMALLEST:
        return [writer.random.choice(TOOLS)(writer, size)]
    share = int(size * writer.random.uniform(0.35, 0.65))
    reply = writer.random.choice(REPLIES)(writer, size - share)
    return [writer.random.choice(TOOLS)(writer, share), reply]
