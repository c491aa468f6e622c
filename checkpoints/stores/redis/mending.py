"""Mending a Redis store: quarantine for what cannot be read, lists made anew."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint, Finding, Head
from checkpoints.stores.record_bytes import microseconds, unpack_record
from checkpoints.stores.redis import queries, rows, scripts
from checkpoints.stores.redis.removing import PAGE, batches, move
from checkpoints.stores.redis.rows import ThreadRow
from checkpoints.stores.redis.server import RedisServer
from checkpoints.stores.redis.verifying import all_threads, checked, lost_finding, positions


def quarantine(server: RedisServer, now: datetime) -> list[Finding]:
    """Move each checkpoint that cannot be read into quarantine and tell of it."""
    moved = []
    threads = all_threads(server)
    for row in [row for row in checked(server) if row.lost is not None]:
        digest = hashlib.sha1(row.frame, usedforsecurity=False).hexdigest()
        reason = (row.lost or "").encode("utf-8", "replace")
        reply = server.write(scripts.QUARANTINE, row.position, digest, microseconds(now), reason)
        if reply[0] == b"quarantined":
            finding = lost_finding(row, threads.get(row.thread or 0))
            moved.append(
                Finding(
                    kind="quarantined",
                    message=f"{finding.message}; its bytes are kept in quarantine",
                    checkpoint_id=finding.checkpoint_id,
                    thread_id=finding.thread_id,
                )
            )
    return moved


def rebuild(server: RedisServer, now: datetime) -> int:
    """List again what is not listed, count anew, and give a head to threads without one."""
    _find_lost_places(server)
    newest: dict[int, Checkpoint] = {}
    for batch in batches(positions(server), PAGE):
        values: list[Any] = []
        for reply in server.read(queries.PLACED, *batch):
            values += _relisted(reply, newest)
        if values:
            server.write(scripts.RELIST, *values)
    numbers = sorted(newest.keys() | all_threads(server).keys())
    counts = [server.write(scripts.RECOUNT, *part)[1] for part in batches(numbers, PAGE)]
    for number, thread in all_threads(server).items():
        if thread.readable_head is None and number in newest:
            _mend_head(server, thread, newest[number], now)
    return sum(int(count) for count in counts)


def _find_lost_places(server: RedisServer) -> None:
    """Give back their places to checkpoints that are still found by their names."""
    placed = {position for position, _ in server.scan("places")}
    for name, position in server.scan("ids"):
        if position in placed:
            continue
        ((_, _, _, packed, _),) = server.read(queries.PLACED, position)
        record = _record(bytes(packed or b""), rows.text(name))
        if record is None:
            continue
        line = rows.name_of(record.agent_id, record.thread_id)
        thread = rows.thread_of(server.read(queries.THREAD, line))
        number = thread.thread if thread else position
        server.write(scripts.RELIST, position, number, name, line)


def _relisted(reply: Sequence[Any], newest: dict[int, Checkpoint]) -> list[Any]:
    """Return what is to be listed of a checkpoint, and note the newest of each thread."""
    position, number, name, record, trashed = reply
    if number is None:
        return []
    known = _record(bytes(record or b""), rows.text(name))
    if known is not None and trashed is None:
        newest[int(number)] = known
    line = rows.name_of(known.agent_id, known.thread_id) if known else b""
    return [position, number, name, line]


def _record(packed: bytes, name: str) -> Checkpoint | None:
    try:
        return unpack_record(packed, checkpoint_id=name, stored_size=0)
    except CorruptCheckpoint:
        return None


def _mend_head(server: RedisServer, thread: ThreadRow, record: Checkpoint, now: datetime) -> None:
    """Make the newest checkpoint the head of a thread whose own cannot be read."""
    head = Head(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        version=max(1, thread.checkpoints),
        moved_at=now,
        reason="remade by rebuild",
    )
    move(server, thread, head, at=now)
