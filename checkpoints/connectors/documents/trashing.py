"""Files on their way into the trash and out of it: each is in the folder, in the trash, or both.

A file is renamed aside before it is deleted, and looked at there: what the agent wrote over it a
moment ago is not what lies in the trash, and goes back under its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from checkpoints.connectors.documents.folder import read_in
from checkpoints.connectors.documents.holdings import File, Listing
from checkpoints.connectors.documents.publishing import Look, discard, place, temporary_name
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.stores.operable import TrashItem

PUT_BACK = "put_back"
_ASIDE = "removed-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A file as it lies in the trash. ``digests`` maps the ids in it to those of their states."""

    agent_id: str
    subfolder: str
    name: str
    content: bytes
    look: Look
    digests: Mapping[str, str]

    @property
    def place(self) -> str:
        """The file's path within its folder, which no other file of an operation has."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name

    def as_item(self) -> TrashItem:
        """Return it as the trash keeps it."""
        return TrashItem(
            key=self.place,
            checkpoint_id=next(iter(self.digests)),
            data={
                "agent_id": self.agent_id,
                "subfolder": self.subfolder,
                "name": self.name,
                "content": self.content,
                "sha256": hashlib.sha256(self.content).hexdigest(),
                "mode": self.look.mode,
                "owner": self.look.owner,
                "group": self.look.group,
                "modified_ns": str(self.look.modified_ns),
                "digests": dict(self.digests),
            },
        )

    def as_mark(self) -> TrashItem:
        """Return what stays in the trash of a file that was put back: its ids, nothing else."""
        return TrashItem(
            key=f"{self.place} was put back",
            checkpoint_id=next(iter(self.digests)),
            data={"agent_id": self.agent_id, PUT_BACK: list(self.digests)},
        )

    @classmethod
    def of_item(cls, item: TrashItem) -> Self:
        """Read it back. Raises CorruptCheckpoint when its bytes are not those that were kept."""
        data: Mapping[str, Any] = item.data
        content = bytes(data["content"])
        if hashlib.sha256(content).hexdigest() != data["sha256"]:
            raise CorruptCheckpoint(
                f"{item.key} is damaged in the trash", checkpoint_id=item.checkpoint_id
            )
        look = Look(
            mode=data["mode"],
            owner=data["owner"],
            group=data["group"],
            modified_ns=int(data["modified_ns"]),
        )
        return cls(
            agent_id=data["agent_id"],
            subfolder=data["subfolder"],
            name=data["name"],
            content=content,
            look=look,
            digests=data["digests"],
        )


def taken_from(catalog: Listing, file: File, agent_id: str) -> Taken:
    """Read a file with all that brings it back. Raises CheckpointNotFound, CorruptCheckpoint."""
    stored = catalog.folder.stored(file.entry, catalog.max_bytes)
    digests = catalog.digests(file.entry, stored.content)
    missing = [saved.record.id for saved in file.saved if saved.record.id not in digests]
    if missing:
        raise CorruptCheckpoint(f"{file.entry.place} does not hold {missing[0]} any more")
    return Taken(
        agent_id=agent_id,
        subfolder=file.entry.subfolder,
        name=file.entry.name,
        content=stored.content,
        look=Look(
            mode=stored.status.st_mode & 0o777,
            owner=stored.status.st_uid,
            group=stored.status.st_gid,
            modified_ns=stored.status.st_mtime_ns,
        ),
        digests={saved.record.id: digests[saved.record.id] for saved in file.saved},
    )


def delete(directory: int, taken: Taken) -> bool:
    """Delete a file that lies in the trash; False when another was written in its place."""
    with suppress(FileNotFoundError):
        os.rename(taken.name, _aside(taken.name), src_dir_fd=directory, dst_dir_fd=directory)
    return settle(directory, taken)


def settle(directory: int, taken: Taken) -> bool:
    """Finish a deletion: what lies aside goes when it is in the trash too, else back in place."""
    aside = _aside(taken.name)
    try:
        found = read_in(directory, aside, len(taken.content))
    except FileNotFoundError:
        return True
    if found.content == taken.content:
        discard(directory, aside)
        return True
    with suppress(FileExistsError):
        os.link(aside, taken.name, src_dir_fd=directory, dst_dir_fd=directory)
    discard(directory, aside)
    return False


def put_in_place(directory: int, taken: Taken) -> str | None:
    """Bring a file back as it was; return why it could not come back. Raises StoreError.

    The caller flushes the folder.
    """
    settle(directory, taken)
    discard(directory, temporary_name(taken.name))
    with suppress(FileNotFoundError):
        if read_in(directory, taken.name, len(taken.content)).content == taken.content:
            return None
        return f"there is another file {taken.place}; it was not replaced"
    try:
        place(directory, taken.name, taken.content, taken.look)
    except PlanRefused as error:
        return str(error)
    return None


def _aside(name: str) -> str:
    return temporary_name(f"{_ASIDE}{name}")
