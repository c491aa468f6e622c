"""What a store that answers from a ledger is given: its ledger, kept current."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from checkpoints.stores.events import Event
from checkpoints.stores.ledger import Ledger


class JournaledListing(ABC):
    """A ledger, and the one place where events are written."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Ledger]:
        """Give the ledger with everything that other processes wrote; nobody changes it."""

    @abstractmethod
    def _exclusive(self) -> AbstractContextManager[Ledger]:
        """Keep every other writer out and give the current ledger."""

    @abstractmethod
    def _record(self, event: Event) -> None:
        """Write an event durably and apply it. Called within ``_exclusive``."""
