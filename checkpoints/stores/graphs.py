"""What a store must know of the records that LangGraph's saver wrote, to copy them.

The saver finds a record by the id that LangGraph gave its checkpoint, and what tasks wrote there by
that id too; ``checkpoints.connectors.langgraph_native`` knows the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid5

from checkpoints.records import Checkpoint, JournalEntry
from checkpoints.stores.base import Store

SAVED_AS: Final = "langgraph_saver"
"""The key of a record's metadata under which the saver says what the checkpoint is."""
WRITE: Final = "write"
"""The kind of the journal entries that hold what tasks wrote."""

_NAMES = UUID("0b9b2f4e-6a3c-5d0e-9c55-3f8f6a6f2b11")
_Name = tuple[str, str]


def is_graphs(record: Checkpoint) -> bool:
    """Say whether LangGraph's saver wrote a record."""
    return isinstance(record.metadata.get(SAVED_AS), Mapping)


def another_id(agent_id: str, thread_id: str, namespace: str, checkpoint_id: str) -> str:
    """Return the id of a record whose LangGraph id another thread of the store has taken.

    The same for the same arguments, so that it is found again.
    """
    return str(uuid5(_NAMES, f"{agent_id}\0{thread_id}\0{namespace}\0{checkpoint_id}"))


def mark_id(record_id: str, status: str) -> str:
    """Return the id of the record that says how a checkpoint's step ended."""
    return str(uuid5(_NAMES, f"{record_id}\0{status}"))


def id_of_copy(record: Checkpoint, agent_id: str, thread_id: str) -> str:
    """Return the id that a copy of a graph's record has in another thread."""
    return another_id(agent_id, thread_id, *_name(record))


def writes_to_copy(store: Store, origins: Sequence[Checkpoint]) -> Iterator[JournalEntry]:
    """Yield what tasks wrote at checkpoints, but where a step was taken that is not copied.

    A run that found such writes would not take the step again.
    """
    if not origins or not is_graphs(origins[0]):
        return
    agent_id, thread_id = origins[0].agent_id, origins[0].thread_id
    records = [r for r in store.history(agent_id, thread_id) if is_graphs(r)]
    left_open = {record.id: record for record in origins if not _is_left(record, records, origins)}
    for entry in store.entries(agent_id, thread_id, kind=WRITE):
        if entry.checkpoint_id in left_open:
            yield entry


def rewritten(
    entries: Iterable[JournalEntry], agent_id: str, thread_id: str, ids: Mapping[str, str]
) -> list[JournalEntry]:
    """Return entries as another thread keeps them; ``ids`` are those of copies by their origins."""
    return [
        replace(
            entry,
            agent_id=agent_id,
            thread_id=thread_id,
            checkpoint_id=ids[entry.checkpoint_id or ""],
        )
        for entry in entries
    ]


def _is_left(
    record: Checkpoint, records: Iterable[Checkpoint], copied: Collection[Checkpoint]
) -> bool:
    """Say whether checkpoints came after one, none of which is copied."""
    namespace, name = _name(record)
    followers = [
        one
        for one in records
        if one.metadata[SAVED_AS].get("parent") == name
        and _name(one)[0] == namespace
        and not one.metadata[SAVED_AS].get("is_mark")
    ]
    return bool(followers) and not any(one in copied for one in followers)


def _name(record: Checkpoint) -> _Name:
    values = record.metadata[SAVED_AS]
    return str(values.get("namespace", "")), str(values.get("id", record.id))
