"""A copy of a folder of Kaizen's that holds what one restore needs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from checkpoints.connectors.kaizen.bodies import MAX_BYTES
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.states import Saved
from checkpoints.connectors.kaizen.threads import head_of

RESTAMPED: Final = frozenset({"checkpoint_id", "timestamp", "parent_checkpoint_id", "metadata"})
"""The fields of a state that a restore writes anew."""


def copy_files(catalog: Catalog, target: Saved, folder: Path) -> None:
    """Copy the files of a checkpoint and of its agent's head into an empty folder.

    Raises CheckpointNotFound or StoreError.
    """
    agent = target.record.agent_id
    head = head_of([saved for saved in catalog.saved() if saved.record.agent_id == agent])
    for entry in {saved.entry for saved in (target, head) if saved is not None}:
        place = folder / entry.place
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(catalog.folder.read(entry, MAX_BYTES))
