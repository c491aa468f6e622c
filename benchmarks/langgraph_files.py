"""LangGraph files of any length, written row by row as its SqliteSaver lays them out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ormsgpack
from langgraph.checkpoint.sqlite import SqliteSaver

STEP = timedelta(seconds=1)
EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
RUN = 20
"""Steps that a thread saves before the next one's turn comes."""
BODY = 1_500
"""Bytes of messages in each checkpoint."""


def write(path: Path, *, checkpoints: int, threads: int, run: int = RUN, body: int = BODY) -> None:
    """Write a file in which threads take turns, each with ``run`` steps of ``body`` bytes."""
    with closing(sqlite3.connect(path)) as connection:
        SqliteSaver(connection).setup()
        rows = _rows(checkpoints, threads, run, body)
        with connection:
            connection.executemany("INSERT INTO checkpoints VALUES (?, '', ?, ?, ?, ?, ?)", rows)
            connection.execute(
                "INSERT INTO writes SELECT thread_id, '', checkpoint_id, 'task of ' ||"
                " checkpoint_id, '~__pregel_pull, work', 0, 'n', 'msgpack', x'01'"
                " FROM checkpoints ORDER BY rowid"
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows(checkpoints: int, threads: int, run: int, size: int) -> Iterator[tuple[Any, ...]]:
    begin = datetime.now(UTC) - checkpoints * STEP
    before: dict[str, str] = {}
    for number in range(checkpoints):
        turn, step = divmod(number, run)
        thread, step = f"thread-{turn % threads}", step + turn // threads * run - 1
        at = begin + number * STEP
        name = _id(at, number)
        body = ormsgpack.packb(_body(name, at, step, size))
        metadata = {"source": "loop", "step": step, "parents": {}, "agent_id": f"a{number % 20}"}
        yield (
            thread,
            name,
            before.get(thread),
            "msgpack",
            body,
            json.dumps(metadata).encode(),
        )
        before[thread] = name


def _id(at: datetime, number: int) -> str:
    """Return an id that carries its time as LangGraph's do (RFC 9562, version 6)."""
    ticks = f"{(at - EPOCH) // timedelta(microseconds=1) * 10:015x}"
    return f"{ticks[:8]}-{ticks[8:12]}-6{ticks[12:]}-8000-{number:012x}"


def _body(name: str, at: datetime, step: int, size: int) -> dict[str, Any]:
    version, last = f"{step + 2:032}.0.5", f"{step + 1:032}.0.5"
    return {
        "v": 4,
        "ts": at.isoformat(),
        "id": name,
        "channel_values": {"messages": ["x" * (size // 3)] * 3, "branch:to:work": None},
        "channel_versions": {"messages": version, "branch:to:work": version},
        "versions_seen": {"__input__": {}, "work": {"branch:to:work": last}},
        "updated_channels": ["messages"],
    }
