"""What a store in SQL is given: its transactions, and what they leave behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import CheckpointError
from checkpoints.records import (
    Checkpoint,
    Finding,
    Head,
)
from checkpoints.stores.framing import Framing, Places
from checkpoints.stores.sql.rows import Db

T = TypeVar("T")


class BaseGone(CheckpointError):
    """The checkpoint that a frame was written against was swept meanwhile."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What a save left behind: nothing but the first records when it had been made before.

    ``places`` holds the position of each checkpoint, ``position`` that of the last.
    """

    records: list[Checkpoint]
    places: Places = field(default_factory=Places)
    position: int = 0
    thread: int = 0
    head: Head | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What can be told of changes: within which snapshot, and how far.

    Cursors begin with ``identity``; ``last`` is the position of the last thing in the store.
    Nothing can appear any more at or before ``horizon``.
    """

    db: Db
    identity: str
    last: int
    horizon: int


class SqlTransactions(ABC):
    """One database of rows, whatever it is."""

    overwrites_what_is_forgotten = True
    """Journal entries leave the file with ``forget``, as far as the database can promise that."""

    def __init__(self, url: str, keys: Keyring | None = None) -> None:
        self.url = url
        self._framing = Framing(keys)

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Db | None]:
        """Give a connection within one snapshot, or None while nothing was ever saved here."""

    def _inspecting(self) -> AbstractContextManager[Db | None]:
        """Give a connection for a long look at everything, which keeps nobody from saving."""
        return self._reading()

    def _damage(self, db: Db) -> Iterable[Finding]:
        """Say what the database itself knows to be wrong with it."""
        return ()

    def _taken(self, db: Db) -> tuple[int | None, int | None]:
        """Return the bytes that all of it takes, and those of them that hold nothing."""
        return None, None

    def _glancing(self) -> AbstractContextManager[Db | None]:
        """Like ``_reading``, for one statement alone."""
        return self._reading()

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Db]:
        """Give a connection within one durable transaction, alone; roll it back on any error."""

    def _erasing(self) -> AbstractContextManager[Db]:
        """Like ``_writing``, for what must not be found again."""
        return self._writing()

    @abstractmethod
    def _saving(self, work: Callable[[Db], T]) -> T:
        """Do what a save does to the rows, durably. It checks everything before it writes."""
