"""States of LangGraph's saver from an agent that was taken over: shown, never run, in bounded time.

No part of LangGraph is needed.
"""

from __future__ import annotations

import json
import pickle
import sys
from datetime import UTC, datetime
from typing import Any

import ormsgpack
import pytest

from checkpoints.connectors.langgraph_native import load_readable, reading
from checkpoints.records import Draft
from checkpoints.stores.memory import MemoryStore

NEVER = ("antigravity", "this", "turtle")


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return __import__, (NEVER[0],)


def extension(code: int, *fields: object) -> bytes:
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(fields)))


def constructor(*name: str) -> bytes:
    return json.dumps({"lc": 1, "type": "constructor", "id": name, "kwargs": {}}).encode()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("pickle", pickle.dumps(Payload())),
        *(("msgpack", extension(code, NEVER[0], "x", [1], "call")) for code in range(8)),
        ("msgpack", extension(6, "float64", [10**9, 10**9], "C", b"x")),
        ("msgpack", extension(0, NEVER[1], "x", ormsgpack.Ext(1, ormsgpack.packb((NEVER[2],))))),
        ("msgpack", ormsgpack.packb(ormsgpack.Ext(0, b"\xc1\xff"))),
        ("msgpack", b"\x91" * 100_000 + b"\x01"),
        ("msgpack", b"\xdd\xff\xff\xff\xff"),
        ("msgpack", b""),
        ("json", constructor(NEVER[0], "x")),
        ("json", b"[" * 100_000),
        ("json", b'{"a": "\\ud800"}'),
        (f"msgpack+{NEVER[0]}", b"x"),
        ("\x1b[2J", b"x"),
    ],
)
def test_nothing_is_imported_or_built(kind: str, data: bytes) -> None:
    store = MemoryStore()
    state = {reading.ENVELOPE: {}, "channel": [kind, data]}
    saved = store.put(draft(0), state, expected_head=None)
    before = set(sys.modules)
    shown = load_readable(store, saved)["channel"]
    assert set(sys.modules) == before
    assert type(shown) in {dict, list}


def test_a_delta_channel_without_a_stored_value_is_looked_for_so_far_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MOST_ANCESTORS", 5)
    store = MemoryStore()
    drafts: list[tuple[Draft, dict[str, Any]]] = [
        (draft(step), {reading.ENVELOPE: {}}) for step in range(20)
    ]
    saved = store.put_many(drafts, expected_head=None)
    assert load_readable(store, saved[4])["d"]["__type__"] == reading.DELTA
    assert load_readable(store, saved[19])["d"]["__type__"] == "unreadable"


def draft(step: int) -> Draft:
    """Return the draft of a checkpoint whose delta channel was never stored."""
    before = f"c-{step - 1}" if step else None
    return Draft(
        id=f"c-{step}",
        agent_id="agent-1",
        thread_id="main",
        step=step,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        parent_id=before,
        metadata={
            "langgraph_saver": {"id": f"c-{step}", "parent": before},
            reading.COUNTERS: {"d": 1},
        },
    )
