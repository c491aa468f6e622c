"""Moving heads in a bucket, once per operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.records import Checkpoint, Directive, Head
from checkpoints.stores.drafts import move_done
from checkpoints.stores.heads import check_head, moved
from checkpoints.stores.ledger import missing
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bytes import OPERATION, open_sealed, record_of, seal
from checkpoints.stores.objects.frames import Frames
from checkpoints.stores.objects.log import Place, ThreadLog, after_move
from checkpoints.stores.record_bytes import pack_head, unpack_head

MOVES = 64
"""Moves that a thread's object remembers; older ones are kept with their operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a head is to be moved to."""

    expected: str | None
    now: datetime
    operation_id: str | None
    reason: str | None
    directive: Directive | None


def set_head(frames: Frames, checkpoint: Checkpoint, move: Move) -> Head:
    """Move the head of the checkpoint's thread; return the one that its operation made."""
    if move.operation_id is not None:
        done = _claimed(frames, checkpoint, move.operation_id)
        if done is not None:
            return done
    name = object_keys.thread_name(checkpoint.agent_id, checkpoint.thread_id)

    def work(log: ThreadLog | None) -> tuple[ThreadLog | None, Head]:
        if log is None:
            raise CheckpointNotFound(missing(checkpoint.id, None))
        done = move_done(_done(log, move.operation_id), checkpoint)
        if done is not None:
            return None, done
        return _moved(frames, log, checkpoint, move)

    return frames.threads.change(name, work)


def _moved(
    frames: Frames, log: ThreadLog, checkpoint: Checkpoint, move: Move
) -> tuple[ThreadLog, Head]:
    saved = frames.find(log, checkpoint.id)
    if saved is None or saved.place is not Place.LISTED:
        raise CheckpointNotFound(missing(checkpoint.id, None))
    record = record_of(log, saved)
    check_head(log.head, move.expected)
    head = moved(
        log.head,
        record,
        now=move.now,
        operation_id=move.operation_id,
        reason=move.reason,
        directive=move.directive,
    )
    after = after_move(log, head, record.status, move.now)
    if move.operation_id is not None:
        moves = {**_remembered(frames, log), move.operation_id: pack_head(head)}
        after = replace(after, moves=moves)
    return after, head


def take_directive(frames: Frames, head: Head) -> Directive | None:
    """Return the directive left with a head and clear it."""
    name = object_keys.thread_name(head.agent_id, head.thread_id)

    def work(log: ThreadLog | None) -> tuple[ThreadLog | None, Directive | None]:
        current = log.head if log else None
        if log is None or current is None or current.version != head.version:
            return None, None
        if current.directive is None:
            return None, None
        cleared = replace(current, directive=None)
        return after_move(log, cleared, log.head_status, head.moved_at), current.directive

    return frames.threads.change(name, work)


def _claimed(frames: Frames, checkpoint: Checkpoint, operation_id: str) -> Head | None:
    """Claim an operation for this move; return the head that it made long ago, if it has.

    Raises PlanRefused when the operation is claimed for another.
    """
    key = object_keys.operation_key(operation_id)
    agent_id, thread_id = checkpoint.agent_id, checkpoint.thread_id
    claim: list[Any] = [operation_id, agent_id, thread_id, checkpoint.id, None]
    if frames.bucket.create(key, seal(OPERATION, key, claim)) is not None:
        return None
    data = frames.bucket.data(key)
    found = open_sealed(OPERATION, key, data) if data else claim
    claimed, head = found[:4], found[4]
    if claimed != claim[:4]:
        raise PlanRefused(
            f"operation {operation_id} moves another head, to {claimed[3]}; nothing was changed"
        )
    if head is None:
        return None
    return unpack_head(head, agent_id=agent_id, thread_id=thread_id)


def _done(log: ThreadLog, operation_id: str | None) -> Head | None:
    head = log.moves.get(operation_id) if operation_id is not None else None
    if head is None:
        return None
    return unpack_head(head, agent_id=log.agent_id, thread_id=log.thread_id)


def _remembered(frames: Frames, log: ThreadLog) -> Mapping[str, bytes]:
    """Return the moves to remember on; the oldest of too many go to their operations."""
    if len(log.moves) < MOVES:
        return log.moves
    old = dict(list(log.moves.items())[: MOVES // 2])
    for operation_id, data in old.items():
        head = unpack_head(data, agent_id=log.agent_id, thread_id=log.thread_id)
        key = object_keys.operation_key(operation_id)
        claim = [operation_id, log.agent_id, log.thread_id, head.checkpoint_id, data]
        frames.bucket.put(key, seal(OPERATION, key, claim))
    return {name: data for name, data in log.moves.items() if name not in old}
