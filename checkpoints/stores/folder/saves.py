"""Saves into a folder that become durable together."""

from __future__ import annotations

from checkpoints.errors import CheckpointError
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.drafts import first_or_conflict, next_head
from checkpoints.stores.events import Event, EventName
from checkpoints.stores.folder.layout import Staged
from checkpoints.stores.journaled import refuse_known
from checkpoints.stores.ledger import Ledger, ThreadKey


class SaveGroup:
    """What one group of saves changes; each save sees those before it."""

    def __init__(self, ledger: Ledger) -> None:
        self.events: list[Event] = []
        self._ledger = ledger
        self._records: dict[str, Checkpoint] = {}
        self._heads: dict[ThreadKey, Head] = {}

    def save(self, staged: Staged, *, expected: str | None) -> Checkpoint:
        """Let a save's file have its name and note its event, if nothing forbids it.

        Raises HeadMoved, PlanRefused and StoreError with nothing changed.
        """
        record = staged.record
        key = (record.agent_id, record.thread_id)
        current = self._heads.get(key) or self._ledger.heads.get(key)
        try:
            first = self._first(record)
            if first is not None:
                staged.withdraw()
                return first
            head = next_head(current, record, expected=expected)
        except CheckpointError:
            staged.withdraw()
            raise
        staged.land()
        self._records[record.id], self._heads[key] = record, head
        event = Event(name=EventName.PUT, checkpoint=record, head=head, check=staged.check)
        self.events.append(event)
        return record

    def _first(self, record: Checkpoint) -> Checkpoint | None:
        if record.id in self._records:
            return first_or_conflict(self._records[record.id], record)
        return refuse_known(self._ledger, record)
