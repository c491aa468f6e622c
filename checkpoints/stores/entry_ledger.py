"""The present journal entries of a store that replays its journal."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from checkpoints.records import JournalName
from checkpoints.stores.entry_bytes import EntryName, PackedEntry
from checkpoints.stores.events import Event, EventName, ThreadKey


class _Kept(NamedTuple):
    position: int
    entry: PackedEntry


@dataclass(slots=True)
class EntryLedger:
    """What was recorded and not forgotten, by thread, kind and key.

    ``position`` is that of the last event that changed anything, ``count`` how many there are.
    """

    position: int = 0
    count: int = 0
    _threads: dict[ThreadKey, dict[str, dict[str, _Kept]]] = field(default_factory=dict)

    def __contains__(self, name: EntryName) -> bool:
        return name.key in self._of_kind(name)

    def apply(self, event: Event) -> None:
        """Take in that entries were recorded or forgotten."""
        self.position = event.position
        for entry in event.entries:
            kinds = self._threads.setdefault((entry.name.agent_id, entry.name.thread_id), {})
            kept = kinds.setdefault(entry.name.kind, {})
            self.count += entry.name.key not in kept
            kept[entry.name.key] = _Kept(event.position, entry)
        for name in event.forgotten:
            self.count -= self._of_kind(name).pop(name.key, None) is not None

    def found(self, of: EntryName, limit: int | None) -> list[PackedEntry]:
        """Return the entries of one kind whose keys begin with that of ``of``, in their order."""
        kept = self._of_kind(of)
        keys = sorted(key for key in kept if key.startswith(of.key))
        first = 0 if limit is None else max(0, len(keys) - max(0, limit))
        return [kept[key].entry for key in keys[first:]]

    def journals(self, agent_id: str | None, thread_id: str | None) -> list[JournalName]:
        """Return which kinds of entries there are, of one thread, one name or all."""
        found = (
            (*thread, kind)
            for thread, kinds in self._threads.items()
            for kind, kept in kinds.items()
            if kept and agent_id in {None, thread[0]} and thread_id in {None, thread[1]}
        )
        return [JournalName(agent_id=a, thread_id=t, kind=kind) for a, t, kind in sorted(found)]

    def has(self, key: ThreadKey) -> bool:
        """Say whether a thread has any entries."""
        return any(self._threads.get(key, {}).values())

    def drop_thread(self, key: ThreadKey) -> None:
        """Take in that a thread was erased."""
        self.count -= sum(len(kept) for kept in self._threads.pop(key, {}).values())

    def drop_naming(self, key: ThreadKey, checkpoint_ids: Container[str]) -> None:
        """Take in that checkpoints of a thread were erased."""
        for kept in self._threads.get(key, {}).values():
            for name in [n for n, k in kept.items() if k.entry.checkpoint_id in checkpoint_ids]:
                del kept[name]
                self.count -= 1

    def events(self) -> Iterator[Event]:
        """Yield the fewest events that record all of these, in their order."""
        ordered = sorted(self._all(), key=_position)
        for position, group in groupby(ordered, key=_position):
            entries = tuple(kept.entry for kept in group)
            yield Event(name=EventName.RECORDED, position=position, entries=entries)

    def _all(self) -> Iterator[_Kept]:
        kinds = (kind for thread in self._threads.values() for kind in thread.values())
        return (kept for kind in kinds for kept in kind.values())

    def _of_kind(self, name: EntryName) -> dict[str, _Kept]:
        return self._threads.get((name.agent_id, name.thread_id), {}).get(name.kind, {})


def news(ledger: EntryLedger, packed: Sequence[PackedEntry], *, replace: bool) -> list[PackedEntry]:
    """Return the entries that are to be written: the first of each name, or the last."""
    ordered = packed if replace else packed[::-1]
    chosen = {entry.name: entry for entry in ordered}
    return [entry for name, entry in chosen.items() if replace or name not in ledger]


def _position(kept: _Kept) -> int:
    return kept.position
