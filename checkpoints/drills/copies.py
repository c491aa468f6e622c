"""A copy on which a checkpoint can be restored as it would be in its store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from checkpoints.bodies.encryption import Keyring
from checkpoints.connectors import langgraph_native
from checkpoints.drills.values import How
from checkpoints.errors import (
    CorruptCheckpoint,
    PermanentStoreError,
    StoreError,
    TransientStoreError,
)
from checkpoints.identifiers import new_id
from checkpoints.migration.listing import draft_of
from checkpoints.records import Checkpoint, Draft
from checkpoints.stores.base import ReadableStore, RestorableStore, Store
from checkpoints.stores.graphs import is_graphs
from checkpoints.stores.measurable import RehearsableStore
from checkpoints.stores.urls import open_native_store

_ON_DISK = {"file", "sqlite"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An opened copy, how it came to be, and how many bytes of the store it took."""

    store: RestorableStore
    how: How
    bytes_read: int


def copied(
    store: ReadableStore,
    checkpoint: Checkpoint,
    state: Mapping[str, Any],
    folder: Path,
    now: datetime,
) -> Copy:
    """Copy a checkpoint and what its restore needs into an empty folder, and open that.

    Raises CorruptCheckpoint when what the copy holds is not the same, and StoreError.
    """
    if isinstance(store, RehearsableStore) and store.capabilities.restore:
        lent = store.copy_for_rehearsal(checkpoint, folder)
        return Copy(store=lent, how=How.SAME_KIND, bytes_read=_bytes_in(folder))
    return _in_scratch(store, checkpoint, state, folder, now)


def _in_scratch(
    store: ReadableStore,
    checkpoint: Checkpoint,
    state: Mapping[str, Any],
    folder: Path,
    now: datetime,
) -> Copy:
    scheme = store.url.partition(":")[0]
    kind = scheme if scheme in _ON_DISK else "sqlite"
    scratch = open_native_store(
        f"{kind}:///{quote(os.fsencode(folder))}/scratch",
        keys=_key_of_its_own() if kind == "sqlite" else None,
    )
    try:
        lineage = _lineage(store, checkpoint)
        for record in lineage[1:]:
            _put(scratch, draft_of(record), store.load(record))
        kept = _put(scratch, draft_of(checkpoint), state)
        _require_faithful(store, checkpoint, kept)
        _go_on(scratch, kept, now)
    except BaseException:
        scratch.close()
        raise
    is_same = isinstance(store, Store) and scheme in _ON_DISK
    return Copy(
        store=scratch,
        how=How.SAME_KIND if is_same else How.SCRATCH,
        bytes_read=sum(record.stored_size or record.size or 0 for record in lineage),
    )


def _lineage(store: ReadableStore, checkpoint: Checkpoint) -> list[Checkpoint]:
    """Return what a restore needs, that checkpoint first; ancestors of what a graph saved."""
    if isinstance(store, Store) and is_graphs(checkpoint):
        found = langgraph_native.to_fork(store, checkpoint)
        others = [record for record in found if record.id != checkpoint.id]
        return [checkpoint, *reversed(others)]
    return [checkpoint]


def _put(scratch: Store, draft: Draft, state: Mapping[str, Any]) -> Checkpoint:
    """Save in the scratch store. Raises TransientStoreError: its disk is no fault of the store."""
    try:
        head = scratch.head(draft.agent_id, draft.thread_id)
        return scratch.put(draft, state, expected_head=head.checkpoint_id if head else None)
    except StoreError as error:
        raise TransientStoreError(f"the scratch store could not be written: {error}") from error


def _require_faithful(store: ReadableStore, checkpoint: Checkpoint, kept: Checkpoint) -> None:
    """Raise CorruptCheckpoint when one of Holdfast's own gets another digest when saved again."""
    if isinstance(store, Store) and None is not checkpoint.sha256 != kept.sha256:
        raise CorruptCheckpoint(
            f"{checkpoint.id} gets another digest when it is saved again; the copy is not the same",
            checkpoint_id=checkpoint.id,
        )


def _go_on(scratch: Store, kept: Checkpoint, now: datetime) -> None:
    """Save once more, as an agent would have: else a restore of the head would move nothing."""
    later = Draft(
        id=new_id(),
        agent_id=kept.agent_id,
        thread_id=kept.thread_id,
        step=kept.step + 1,
        created_at=now,
        parent_id=kept.id,
    )
    _put(scratch, later, {"rehearsal": "what came after"})


def _key_of_its_own() -> Keyring | None:
    """Return a key that is kept nowhere: what a kill leaves behind nobody can read."""
    with suppress(PermanentStoreError):
        return Keyring.from_text(f"rehearsal:{Keyring.new_key()}")
    return None


def _bytes_in(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
