"""Series of states that look like those of real agents, the same for the same seed.

A state yielded is the agent's own object: it is written or copied before the next is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import orjson

from benchmarks.agents.messages import Message, openai_reply, question, turn
from benchmarks.agents.outputs import rows
from benchmarks.agents.vocabulary import invented
from benchmarks.agents.writer import Writer

State = dict[str, Any]
FIRST = 9_000
LAST = 1_440_000
LARGE = 720_000


class Conversation:
    """An agent that keeps every message: ``grow`` adds a step of about ``size`` bytes."""

    def __init__(self, writer: Writer, size: int) -> None:
        self._writer = writer
        self.messages: list[Message] = []
        self._memory = {writer.noun(): writer.words(6) for _ in range(24)}
        self._tools = [_tool(writer) for _ in range(6)]
        self._tokens = 0
        self._step = 0
        length = self.size
        while length < size:
            length += self.grow(min(1_432, max(240, size - length)))

    @property
    def size(self) -> int:
        """Bytes of the state as JSON."""
        return len(orjson.dumps(self.state()))

    def grow(self, size: int) -> int:
        """Take a step; return the bytes that its messages have as JSON."""
        new = turn(self._writer, size)
        self.messages.extend(new)
        self._step += 1
        self._tokens += size // 4
        key = self._writer.random.choice(list(self._memory))
        self._memory[key] = self._writer.words(6)
        return len(orjson.dumps(new)) - 1

    def state(self) -> State:
        """Return the state as it is saved."""
        return {
            "step": self._step,
            "status": "running",
            "system": self._tools,
            "messages": list(self.messages),
            "scratch": dict(self._memory),
            "plan": ["search", "read", "compare", "write"][self._step % 4 :],
            "usage": {"total_tokens": self._tokens, "cost_usd": self._tokens * 2.5e-6},
            "metrics": {"confidence": self._writer.random.random(), "steps": float(self._step)},
        }


def append(steps: int, *, first: int = FIRST, last: int = LAST, seed: int = 1) -> Iterator[State]:
    """Yield a conversation that grows evenly from ``first`` to ``last`` bytes."""
    agent = Conversation(writer_of(seed), first)
    size = agent.size
    for step in range(steps):
        yield agent.state()
        wanted = first + (last - first) * (step + 1) // max(1, steps - 1)
        while size < wanted and step < steps - 1:
            size += agent.grow(max(240, wanted - size))


def large(steps: int, *, seed: int = 4) -> Iterator[State]:
    """Yield a conversation of about 720 KB that grows by 1.4 KB a step."""
    grown = 1_432 * steps // 2
    yield from append(steps, first=LARGE - grown, last=LARGE + grown, seed=seed)


def small(steps: int, *, seed: int = 2) -> Iterator[State]:
    """Yield states of about 4 KB of which a few fields change each step, a tenth of the bytes."""
    writer = writer_of(seed)
    memory = [_note(writer) for _ in range(21)]
    for step in range(steps):
        memory[writer.random.randrange(len(memory))] = _note(writer)
        yield {
            "step": step,
            "status": writer.random.choice(("thinking", "acting", "observing")),
            "goal": "compare the offers and write a report",
            "memory": list(memory),
            "last": rows(writer, 150),
            "usage": {"input_tokens": 900 + 7 * step, "output_tokens": 60 + 3 * step},
            "scores": {"relevance": writer.random.random(), "progress": step / steps},
            "trace_id": writer.hexadecimal(32),
            "updated_at": writer.moment(),
        }


def mixed(steps: int, *, seed: int = 3) -> Iterator[State]:
    """Yield a conversation with insertions in its middle, edits of old messages and compactions."""
    agent = Conversation(writer_of(seed), FIRST)
    writer = writer_of(seed + 100)
    for step in range(steps):
        yield agent.state()
        agent.grow(1_432)
        _edit(agent.messages, writer, step)


def _edit(messages: list[Message], writer: Writer, step: int) -> None:
    """Change what was said before, as agents do that fetch, correct and summarise."""
    if step % 5 == 0:
        messages.insert(writer.random.randrange(len(messages)), question(writer, 600))
    if step % 3 == 0:
        place = writer.random.randrange(len(messages))
        messages[place] = {**messages[place], "annotation": writer.words(5), "edited": True}
    if step % 150 == 149:
        kept = len(messages) // 10
        messages[:-kept] = [openai_reply(writer, 3_000)]


def _note(writer: Writer) -> dict[str, Any]:
    return {
        "kind": writer.random.choice(("fact", "preference", "open question", "observation")),
        "text": writer.prose(95),
        "source": writer.random.choice(("user", "tool", "assistant")),
        "weight": round(writer.random.random(), 2),
        "pinned": writer.random.random() < 0.1,
    }


def _tool(writer: Writer) -> dict[str, Any]:
    name = f"{writer.noun()}_{writer.noun()}"
    properties = {writer.noun(): {"type": "string", "description": writer.words(9)}}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": writer.prose(200), "parameters": parameters}
    return {"type": "function", "function": function}


def writer_of(seed: int) -> Writer:
    """Return a writer in words of its own, the same for the same seed."""
    return Writer(Random(seed), invented(seed))
