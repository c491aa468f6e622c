"""What the fields of Holdfast's own stores take up, and what lies in their trash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from checkpoints.bodies.encoding import encode
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.measures import FieldSize, Space
from checkpoints.stores.base import Store
from checkpoints.stores.fields import StateFields
from checkpoints.stores.removals import TrashKeeping


class FieldSums:
    """Adds up what each field takes, checkpoint by checkpoint."""

    def __init__(self) -> None:
        self._sizes: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def add(self, sizes: Mapping[str, int]) -> None:
        """Count one checkpoint whose fields take so many bytes."""
        self._sizes.update(sizes)
        self._counts.update(sizes.keys())

    def largest_first(self) -> Iterator[FieldSize]:
        """Yield the sums, the largest first, those of one size by name."""
        for name, size in sorted(self._sizes.items(), key=lambda one: (-one[1], one[0])):
            yield FieldSize(field=name, checkpoints=self._counts[name], size=size)


class MeasuresItself:
    """Sums what each field of a thread's states takes; nothing stays in memory but the sums.

    Fields share frames and frames are compressed together, so their stored sizes are not known.
    """

    def field_sizes(
        self: Store,
        agent_id: str | None,
        thread_id: str,
    ) -> Iterator[FieldSize]:
        """Yield what each field of a thread's states takes up, largest first."""
        sums = FieldSums()
        for record in self.history(agent_id, thread_id):
            with suppress(CorruptCheckpoint, CheckpointNotFound):
                sums.add(encoded_sizes(self.fields(record)))
        return sums.largest_first()

    def space(self: TrashKeeping) -> Space:
        """Return what lies in the trash; the store knows nothing of the rest."""
        return Space(trashed=trashed_bytes(self))


def encoded_sizes(fields: Mapping[str, Any]) -> dict[str, int]:
    """Return the bytes of each encoded field. Raises CorruptCheckpoint."""
    if isinstance(fields, StateFields):
        return fields.sizes()
    return {str(name): len(encode(value)) for name, value in fields.items()}


def trashed_bytes(store: TrashKeeping) -> int | None:
    """Return the stored bytes of what lies in the trash, None where one of them is not known."""
    sizes = [
        record.stored_size
        for thread in store.threads()
        for record in store.in_trash(thread.agent_id, thread.thread_id)
    ]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
