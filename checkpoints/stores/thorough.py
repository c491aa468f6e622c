"""Verifying as thoroughly as a store can, and what only the states themselves can tell."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from checkpoints.errors import CheckpointError
from checkpoints.records import Checkpoint, Finding, Thread
from checkpoints.stores.base import DeepVerifiable, ReadableStore

FEWEST_ITEMS: Final = 2
_MEMORIES: Final = ("conversation", "history", "memor", "message")
"""What is in the names of fields that only grow; other lists are queues that become empty."""
_REMEMBERED: Final = 1_024


def verified(store: ReadableStore, *, deep: bool) -> Iterator[Finding]:
    """Verify; with ``deep`` decode every state and look for memories that were emptied.

    Stores without a deeper way decode every state in any case.
    """
    if deep and isinstance(store, DeepVerifiable):
        yield from store.verify_deep()
        yield from emptied(store)
    else:
        yield from store.verify()


def emptied(store: ReadableStore) -> Iterator[Finding]:
    """Yield the checkpoints whose memory is empty though that of their parent was not.

    What cannot be read is left out: verifying names it.
    """
    with suppress(CheckpointError):
        for thread in list(store.threads()):
            with suppress(CheckpointError):
                yield from _emptied_in(store, thread)


def _emptied_in(store: ReadableStore, thread: Thread) -> Iterator[Finding]:
    known: OrderedDict[str, Mapping[str, int]] = OrderedDict()
    for record in reversed(store.history(thread.agent_id, thread.thread_id)):
        try:
            items = _items(store.load(record))
        except CheckpointError:
            continue
        yield from _lost(record, known.get(record.parent_id or "", {}), items)
        known[record.id] = items
        if len(known) > _REMEMBERED:
            known.popitem(last=False)


def _items(state: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: len(value)
        for name, value in state.items()
        if isinstance(value, (list, dict, tuple)) and any(m in name.lower() for m in _MEMORIES)
    }


def _lost(
    record: Checkpoint, before: Mapping[str, int], now: Mapping[str, int]
) -> Iterator[Finding]:
    for name, count in before.items():
        if count >= FEWEST_ITEMS and now.get(name) == 0:
            yield Finding(
                kind="poisoned",
                message=f"{name} held {count} items at {record.parent_id} and holds none here",
                checkpoint_id=record.id,
                thread_id=record.thread_id,
            )
