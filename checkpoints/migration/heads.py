"""Putting each thread's head where it was."""

from __future__ import annotations

from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.migration.listing import Listing
from checkpoints.records import Finding, Head, Thread
from checkpoints.stores.base import ReadableStore, Store


def settle_heads(old: ReadableStore, new: Store, listing: Listing, findings: list[Finding]) -> int:
    """Make the new heads say what the old ones say, but for their versions; return how many do."""
    settled = 0
    unlisted = {place[:2] for place in listing.seen.values()}
    for thread in listing.threads():
        unlisted.discard((thread.agent_id, thread.thread_id))
        try:
            head = old.head(thread.agent_id, thread.thread_id)
        except CorruptCheckpoint as error:
            findings.append(_unreadable(thread, error))
            continue
        if head is not None and _settled(new, head):
            settled += 1
        elif head is not None:
            findings.append(_not_set(new, head))
    findings += [_unknown(thread_id) for _, thread_id in sorted(unlisted)]
    return settled


def _settled(new: Store, head: Head) -> bool:
    current = new.head(head.agent_id, head.thread_id)
    if current is not None and _says(current) != _says(head):
        _move(new, head, current)
        current = new.head(head.agent_id, head.thread_id)
    return current is not None and _says(current) == _says(head)


def _move(new: Store, head: Head, current: Head) -> None:
    """Move the head. One whose directive the agent has taken meanwhile loses it here too."""
    if head.directive is None and _says(current)[:3] == _says(head)[:3]:
        new.take_directive(current)
        return
    try:
        target = new.get(head.checkpoint_id)
    except CheckpointNotFound:
        return
    new.set_head(
        target,
        expected=current.checkpoint_id,
        now=head.moved_at,
        operation_id=head.operation_id,
        reason=head.reason,
        directive=head.directive,
    )


def _says(head: Head) -> tuple[object, ...]:
    return head.checkpoint_id, head.operation_id, head.reason, head.directive


def _not_set(new: Store, head: Head) -> Finding:
    current = new.head(head.agent_id, head.thread_id)
    where = f"it is at {current.checkpoint_id}" if current else "the thread has none"
    return Finding(
        kind="head_not_set",
        message=f"the head of thread {head.thread_id!r} could not be put at {head.checkpoint_id}; "
        f"in the new store {where}",
        checkpoint_id=head.checkpoint_id,
        thread_id=head.thread_id,
    )


def _unreadable(thread: Thread, error: CorruptCheckpoint) -> Finding:
    return Finding(
        kind="head_not_set",
        message=f"{error}; in the new store the last checkpoint copied is the head",
        thread_id=thread.thread_id,
    )


def _unknown(thread_id: str) -> Finding:
    return Finding(
        kind="head_not_set",
        message=f"the old store does not list thread {thread_id!r}, so its head is not known; in "
        "the new store the last checkpoint copied is the head",
        thread_id=thread_id,
    )
