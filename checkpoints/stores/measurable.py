"""The protocols for what a store may tell and lend besides: sizes, counts, a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from checkpoints.measures import FieldSize, Space
from checkpoints.records import Checkpoint
from checkpoints.stores.base import ReadableStore, RestorableStore


@runtime_checkable
class MeasurableStore(ReadableStore, Protocol):
    """Can say what takes up its space."""

    def field_sizes(self, agent_id: str | None, thread_id: str) -> Iterator[FieldSize]:
        """Yield what each field of a thread's states takes up, largest first.

        Checkpoints that cannot be read are passed over. Raises CheckpointNotFound.
        """
        ...

    def space(self) -> Space:
        """Return what the whole store takes up."""
        ...


@runtime_checkable
class CountableStore(ReadableStore, Protocol):
    """Can say cheaply what it lists, where ``changes`` cannot tell what others deleted."""

    def counts(self) -> dict[str, int]:
        """Return how many checkpoints each thread has, by thread id."""
        ...

    def names(self, thread_id: str) -> set[tuple[str, str]]:
        """Return the namespace and id of every checkpoint of a thread; empty for an unknown one."""
        ...


@runtime_checkable
class RehearsableStore(RestorableStore, Protocol):
    """Can be restored on a copy, so that a restore is proved without touching the store."""

    def copy_for_rehearsal(self, checkpoint: Checkpoint, folder: Path) -> RestorableStore:
        """Write the checkpoint and what its restore needs into an empty folder, and open that.

        The copy is a store of the same kind or of the same shape, on which ``plan_restore``,
        ``restore``, ``head`` and ``load`` do what they would do here. Raises CorruptCheckpoint,
        CheckpointNotFound or StoreError.
        """
        ...
