"""States that look like those of real agents."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from dashboard.demo.texts import address, paragraph


def conversation(steps: int, *, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield the states of a conversation that grows by a tool's answer and a reply each step."""
    random = Random(seed)
    messages: list[dict[str, Any]] = []
    for step in range(steps):
        text = paragraph(random, 12)
        content = {"url": address(random), "score": random.random(), "text": text}
        messages.append({"role": "tool", "content": content})
        messages.append({"role": "assistant", "content": paragraph(random, 4)})
        yield {"step": step, "messages": list(messages), "plan": ["read", "note", "write"]}


def small(steps: int, *, seed: int = 2) -> Iterator[dict[str, Any]]:
    """Yield states of about 4 KB that change in two fields each step."""
    random = Random(seed)
    memory = [paragraph(random, 2) for _ in range(30)]
    for step in range(steps):
        memory[step % len(memory)] = paragraph(random, 2)
        yield {"step": step, "memory": list(memory), "status": "running"}
