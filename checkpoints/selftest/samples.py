"""Drafts and states with which stores are tried; each process makes the same ones anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from checkpoints.records import Checkpoint, Draft, JournalEntry, Kind, Status
from checkpoints.stores.base import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGENT = "selftest"
THREAD = "main"


def draft(number: int, *, parent: str | None = None, **values: Any) -> Draft:
    """Return the draft of checkpoint ``number``, one minute after the one before it."""
    fields: dict[str, Any] = {
        "id": f"c{number}",
        "agent_id": AGENT,
        "thread_id": THREAD,
        "step": number,
        "created_at": NOON + timedelta(minutes=number),
        "parent_id": parent,
    }
    return Draft(**{**fields, **values})


def entry(key: str, **values: Any) -> JournalEntry:
    """Return a journal entry: an effect at noon."""
    fields: dict[str, Any] = {
        "agent_id": AGENT,
        "thread_id": THREAD,
        "kind": "effect",
        "key": key,
        "recorded_at": NOON,
    }
    return JournalEntry(**{**fields, **values})


def full_draft() -> Draft:
    """Return a draft that says something in every field."""
    return draft(
        1,
        parent="c0",
        run_id="run-7",
        step_name="Prüfung\n\u202e",
        iteration=2,
        kind=Kind.PRE_OPERATION,
        status=Status.WAITING,
        metrics={"tokens": 12.5, "calls": 3},
        metadata={"why": "ünïcode", "nested": {"a": [1, None, True]}},
    )


def state(number: int, size: int = 2_000) -> dict[str, Any]:
    """Return the state of checkpoint ``number``: a log that grows, and ``size`` random bytes.

    The log is what a store may keep against the state before, the bytes are what none can shrink.
    """
    log = [f"step {n}: looked into it and went on" for n in range(number)]
    return {"step": number, "log": log, "bytes": random.Random(number).randbytes(size)}  # noqa: S311


def odd_state() -> dict[str, Any]:
    """Return a state of values that are often lost or altered on the way."""
    return {
        "": "an empty key",
        "texts": ["", "\0", "e\u0301 é", "\ud800", "🪢", "a\r\nb"],
        "integers": [0, -1, 2**63, -(2**63) - 1, 2**200],
        "floats": [0.0, -0.0, 1.0, 1e-320, float("inf"), float("-inf"), float("nan"), 0.1 + 0.2],
        "truths": [True, False, None, 1, 0],
        "bytes": [b"", b"\x00\xff", bytearray(b"changing")],
        "containers": [(), (1, (2,)), [], {}, set(), {1, 2}, frozenset({"a"})],
        "keys": {1: "one", "1": "text", (1, 2): "pair", None: "none"},
        "order": {"z": 1, "a": 2, "m": 3},
        "times": [NOON, NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=-9)))],
        "others": [date(2024, 2, 29), timedelta(-1, 5), Decimal("1.10"), UUID(int=7)],
        "deep": _nested(50),
    }


def big_state(size: int) -> dict[str, Any]:
    """Return a state of about ``size`` bytes: a long text, and many messages."""
    rng = random.Random(size)  # noqa: S311 - must be the same in every process
    text = rng.randbytes(size // 4).hex()
    messages = [{"n": n, "text": rng.randbytes(512).hex()} for n in range(size // 2 // 1024)]
    return {"text": text, "messages": messages}


def save_chain(store: Store, count: int, make: Callable[[int], Any] = state) -> list[Checkpoint]:
    """Save ``count`` checkpoints, each the child of the one before; return them oldest first."""
    saved: list[Checkpoint] = []
    for number in range(1, count + 1):
        parent = saved[-1].id if saved else None
        given = draft(number, parent=parent)
        saved.append(store.put(given, make(number), expected_head=parent))
    return saved


def _nested(depth: int) -> Any:
    value: Any = "the bottom"
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value
