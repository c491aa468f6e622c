"""Which events of a journal still matter: those that tell what is there, and what has gone.

What is left keeps its positions, so that every cursor stays valid and misses nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace

from checkpoints.records import Head
from checkpoints.stores.events import Event, EventName
from checkpoints.stores.ledger import Ledger


def compacted(ledger: Ledger) -> list[Event]:
    """Return the fewest events that make the same ledger and answer every cursor alike."""
    choice = _Choice(ledger)
    kept = [kept for event in reversed(ledger.events) for kept in choice.of(event)][::-1]
    return list(heapq.merge(kept, ledger.entries.events(), key=_position))


class _Choice:
    """Chooses from the newest to the oldest: of each thing only the newest word counts."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._put: set[str] = set()
        self._back: set[str] = set()
        self._removed: set[str] = set()

    def of(self, event: Event) -> Iterator[Event]:
        """Yield what is left of an event, if anything."""
        if event.name in {EventName.PUT, EventName.HEAD_MOVED}:
            yield from self._of_save(event)
        elif event.pin is not None:
            if self._ledger.pins.get(event.pin.checkpoint_id) is event.pin:
                yield event
        elif event.name is EventName.ERASED:
            yield from self._of_erasure(event)
        elif event.removals:
            yield from self._of_removals(event)
        elif event.name is EventName.UNTRASHED:
            yield from self._of_return(event)

    def _of_save(self, event: Event) -> Iterator[Event]:
        record, head = event.checkpoint, event.head
        if head is not None and not self._matters(head):
            head = None
        if record is not None and self._ledger.keeps(record) and record.id not in self._put:
            self._put.add(record.id)
            yield replace(event, head=head)
        elif head is not None:
            yield Event(name=EventName.HEAD_MOVED, position=event.position, head=head)

    def _matters(self, head: Head) -> bool:
        present = self._ledger.heads.get((head.agent_id, head.thread_id))
        return head is present or head is self._ledger.moves.get(head.operation_id or "")

    def _of_erasure(self, event: Event) -> Iterator[Event]:
        head = event.head if event.head is not None and self._matters(event.head) else None
        headless = None if event.headless in self._ledger.heads else event.headless
        left = next(self._of_removals(event), replace(event, removals=()))
        if left.removals or head or headless:
            yield replace(left, head=head, headless=headless, ended=None)

    def _of_removals(self, event: Event) -> Iterator[Event]:
        gone = self._ledger.gone
        left = tuple(
            r
            for r in event.removals
            if gone.get(r.checkpoint_id) is r and r.checkpoint_id not in self._removed
        )
        self._removed.update(r.checkpoint_id for r in left)
        if left:
            yield replace(event, removals=left)

    def _of_return(self, event: Event) -> Iterator[Event]:
        records = self._ledger.records
        left = tuple(i for i in event.checkpoint_ids if i in records and i not in self._back)
        self._back.update(left)
        if left:
            yield replace(event, checkpoint_ids=left)


def _position(event: Event) -> int:
    return event.position
