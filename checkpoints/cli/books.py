"""What operations of the command line did, kept where an undo finds it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from checkpoints.cli.opening import opened
from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.records import JournalEntry
from checkpoints.stores.base import ReadableStore, Store
from checkpoints.stores.forks import OPERATION
from checkpoints.stores.operable import Trash
from checkpoints.stores.urls import absolute_url, open_native_store
from checkpoints.trash import StoreTrash

AGENT: Final = "holdfast"
"""Under whose name the notes lie; no agent of this name is ever listed because of them."""
OWN: Final = "operations"

TrashUrl = Annotated[
    str | None,
    typer.Option(
        "--trash",
        help="Store of Holdfast's own for the trash of another framework's store; "
        "else holdfast/trash.db in the user's data folder.",
    ),
]


@dataclass(frozen=True, slots=True)
class Book:
    """The notes of one store's operations, in the journal of ``store``."""

    store: Store
    name: str

    def note(self, operation_id: str, part: int, data: Mapping[str, Any], now: datetime) -> None:
        """Write a part of an operation down, or write it anew."""
        entry = JournalEntry(
            agent_id=AGENT,
            thread_id=self.name,
            kind=OPERATION,
            key=f"{operation_id}/{part:06}",
            recorded_at=now,
            data=data,
        )
        self.store.record([entry], replace=True)

    def forget(self, operation_id: str) -> None:
        """Strike an operation out that changed nothing."""
        keys = [entry.key for entry in self._entries(f"{operation_id}/")]
        self.store.forget(AGENT, self.name, kind=OPERATION, keys=keys)

    def parts(self, operation_id: str) -> list[JournalEntry]:
        """Return the parts of an operation that can be undone.

        Raises CheckpointNotFound for one that is not known, PlanRefused for one that was undone.
        """
        found = self._entries(f"{operation_id}/")
        if not found:
            raise CheckpointNotFound(
                f"no operation {operation_id!r} of the command line is known for this store; "
                "nothing was changed"
            )
        if all(entry.data.get("undone_by") for entry in found):
            raise PlanRefused(f"operation {operation_id} was undone already; nothing was changed")
        return found

    def mark(self, entry: JournalEntry, **more: Any) -> None:
        """Add to what a note says."""
        self.store.record([replace(entry, data={**entry.data, **more})], replace=True)

    def all(self) -> list[JournalEntry]:
        """Return every note."""
        return self._entries("")

    def _entries(self, prefix: str) -> list[JournalEntry]:
        return self.store.entries(AGENT, self.name, kind=OPERATION, prefix=prefix)


@dataclass(frozen=True, slots=True)
class Operated:
    """A store that a command acts on, the notes about it, and where its trash lies.

    Holdfast's own stores keep notes and trash themselves.
    """

    store: ReadableStore
    book: Book
    trash: Trash | None


@contextmanager
def operated(url: str, trash_url: str | None) -> Iterator[Operated]:
    """Open an existing store for one command that acts on it."""
    with opened(url) as store:
        if isinstance(store, Store):
            yield Operated(store, Book(store, OWN), None)
            return
        place = absolute_url(url)
        with closing(open_native_store(trash_url or default_trash())) as kept:
            yield Operated(store, Book(kept, place), StoreTrash(kept, source=place))


def default_trash() -> str:
    """Return the URL of the trash in the user's data folder; the first use creates it."""
    given = os.environ.get("XDG_DATA_HOME")
    folder = Path(given) if given else Path.home() / ".local" / "share"
    return f"sqlite:///{quote(str(folder.absolute()))}/holdfast/trash.db"
