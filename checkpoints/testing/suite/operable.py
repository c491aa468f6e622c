"""What the suites for forks, prunes and erasures begin with.

They promise the same of Holdfast's own stores and of connectors to stores of other frameworks: a
test class says how a thread comes to be there and how its agent goes on, the rest is here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from checkpoints.records import Checkpoint
from checkpoints.stores.base import ReadableStore
from checkpoints.stores.operable import Trash


@dataclass(frozen=True, slots=True)
class Made:
    """A thread that its agent has saved; ``ids`` are its checkpoints, oldest first."""

    agent_id: str
    thread_id: str
    ids: tuple[str, ...]


MakeThread = Callable[[int], Made]
"""Has an agent save so many checkpoints, in a thread that was not there before."""
GoOn = Callable[[str, str], str]
"""Has the agent of a thread (both named) save one more from its head; returns the new id."""


class OperableCase:
    """A store on which operations act, and an agent that saves into it."""

    @pytest.fixture
    def open_operated(self) -> Callable[[], Any]:
        """Return a function that opens the store under test."""
        raise NotImplementedError

    @pytest.fixture
    def operated(self, open_operated: Callable[[], Any]) -> Any:
        """The store under test."""
        return open_operated()

    @pytest.fixture
    def make_thread(self) -> MakeThread:
        """Return what has an agent save a thread."""
        raise NotImplementedError

    @pytest.fixture
    def go_on(self) -> GoOn:
        """Return what has an agent save one more."""
        raise NotImplementedError

    @pytest.fixture
    def trash(self) -> Trash | None:
        """Where a store of another framework's keeps its trash."""
        return None

    @pytest.fixture
    def damage(self) -> Callable[[str], None] | None:
        """Return a function that makes a checkpoint's body unreadable, as a failing disk would.

        Without one the promises about damage are skipped.
        """
        return None

    @staticmethod
    def states(store: ReadableStore, made: Made) -> dict[str, Any]:
        """Return the state of every checkpoint that a thread lists."""
        records = store.history(made.agent_id, made.thread_id)
        return {record.id: store.load(record) for record in records}

    @staticmethod
    def record(store: ReadableStore, made: Made, checkpoint_id: str) -> Checkpoint:
        """Return the record of one checkpoint of a thread."""
        return store.get(checkpoint_id, thread_id=made.thread_id)


def head_id(store: ReadableStore, agent_id: str, thread_id: str) -> str | None:
    """Return what the next run of a thread resumes from."""
    head = store.head(agent_id, thread_id)
    return head.checkpoint_id if head else None
