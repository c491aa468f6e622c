"""From a checkpoint's row to what its store holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import checkpoints
from checkpoints.connectors.langgraph_native import load_readable
from dashboard.models import Checkpoint, User
from dashboard.selectors.checkpoints import find_checkpoint
from dashboard.stores import open_source


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBody:
    """The stored bytes of a checkpoint and the primary key that names the file."""

    data: bytes
    checkpoint_pk: int


def load_state(row: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint's state as people can read it.

    Raises CorruptCheckpoint, after noting it in the index; CheckpointNotFound; SourceNotConnected;
    StoreError.
    """
    with _stored(row) as (store, record):
        return load_readable(store, record)


def raw_bytes(*, user: User, checkpoint_pk: int) -> RawBody:
    """Return the stored bytes as they are, damaged ones too. Raises NotFound and StoreError."""
    row = find_checkpoint(user=user, checkpoint_pk=checkpoint_pk)
    with _stored(row) as (store, record):
        return RawBody(data=store.raw(record), checkpoint_pk=row.pk)


@contextmanager
def _stored(
    row: Checkpoint,
) -> Iterator[tuple[checkpoints.ReadableStore, checkpoints.Checkpoint]]:
    thread = row.thread
    try:
        with open_source(thread.agent.source) as store:
            yield (
                store,
                store.get(row.checkpoint_id, thread_id=thread.thread_id, namespace=row.namespace),
            )
    except checkpoints.CorruptCheckpoint as error:
        Checkpoint.objects.filter(pk=row.pk).update(damage=str(error))
        raise
