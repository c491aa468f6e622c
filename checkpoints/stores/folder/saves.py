"""Saves into a folder that become durable together."""

from __future__ import annotations

from collections.abc import Sequence

from checkpoints.errors import CheckpointError
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.drafts import first_or_conflict, next_heads, saved_before
from checkpoints.stores.events import Event, EventName, ThreadKey
from checkpoints.stores.folder.layout import Staged
from checkpoints.stores.journaled import refuse_known
from checkpoints.stores.ledger import Ledger


class SaveGroup:
    """What one group of saves changes; each save sees those before it."""

    def __init__(self, ledger: Ledger) -> None:
        self.events: list[Event] = []
        self._ledger = ledger
        self._records: dict[str, Checkpoint] = {}
        self._heads: dict[ThreadKey, Head] = {}

    def save(self, chain: Sequence[Staged], *, expected: str | None) -> list[Checkpoint]:
        """Let the files of a chain have their names and note its events, if nothing forbids it.

        Raises HeadMoved, PlanRefused, PartlySaved and StoreError with nothing changed.
        """
        records = [staged.record for staged in chain]
        key = (records[0].agent_id, records[0].thread_id)
        current = self._heads.get(key) or self._ledger.heads.get(key)
        try:
            firsts = saved_before([self._first(record) for record in records])
            heads = [] if firsts else next_heads(current, records, expected=expected)
        except CheckpointError:
            _withdraw(chain)
            raise
        if firsts is not None:
            _withdraw(chain)
            return firsts
        self._land(chain, heads)
        return records

    def _land(self, chain: Sequence[Staged], heads: Sequence[Head]) -> None:
        for staged in chain:
            staged.land()
        for staged, head in zip(chain, heads, strict=True):
            record = staged.record
            self._records[record.id], self._heads[head.agent_id, head.thread_id] = record, head
            self.events.append(
                Event(name=EventName.PUT, checkpoint=record, head=head, check=staged.check)
            )

    def _first(self, record: Checkpoint) -> Checkpoint | None:
        if record.id in self._records:
            return first_or_conflict(self._records[record.id], record)
        return refuse_known(self._ledger, record)


def _withdraw(chain: Sequence[Staged]) -> None:
    for staged in chain:
        staged.withdraw()
