"""What a replayed journal tells, and that one written anew tells the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from checkpoints.stores.entry_bytes import EntryName
from checkpoints.stores.events import Event
from checkpoints.stores.folder.compaction import compacted
from checkpoints.stores.ledger import Ledger, ledger_of
from checkpoints.stores.memory import MemoryStore
from tests.checkpoints.stores.lives import THREADS, live


class _Told(MemoryStore):
    """A store in memory whose events can be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def _record(self, event: Event) -> None:
        super()._record(event)
        self.events.append(event)

    @property
    def ledger(self) -> Ledger:
        return self._ledger


def lived(seed: int) -> _Told:
    """Return a store in which many things happened."""
    store = _Told()
    live(store, seed)
    return store


def told(ledger: Ledger) -> Sequence[object]:
    names = [EntryName("agent-1", thread, "effect", "") for thread in THREADS]
    return (
        ledger.records,
        ledger.heads,
        ledger.moves,
        ledger.pins,
        ledger.gone,
        {key: list(ids) for key, ids in ledger.by_thread.items() if ids},
        [ledger.entries.found(name, None) for name in names],
        ledger.entries.count,
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_journal_written_anew_tells_the_same(seed: int) -> None:
    ledger = lived(seed).ledger
    assert told(ledger_of(compacted(ledger))) == told(ledger)


@pytest.mark.parametrize("seed", range(10))
def test_a_journal_written_anew_twice_is_as_short_as_once(seed: int) -> None:
    once = compacted(lived(seed).ledger)
    assert compacted(ledger_of(once)) == once


@pytest.mark.parametrize("seed", range(10))
def test_a_journal_replayed_tells_what_it_told(seed: int) -> None:
    store = lived(seed)
    positioned = [replace(event, position=n) for n, event in enumerate(store.events, start=1)]
    assert told(ledger_of(positioned)) == told(store.ledger)
