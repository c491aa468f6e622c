"""Where a manager stands in its thread."""

from __future__ import annotations

from contextvars import Context, copy_context
from dataclasses import dataclass

from checkpoints.records import Checkpoint, Head, Kind
from checkpoints.stores.heads import PREVIOUS


@dataclass(frozen=True, slots=True)
class Place:
    """The head as this manager knows it, and its step.

    ``previous`` is the checkpoint before a head that an operation lets go when it has succeeded.
    """

    head: Head | None = None
    step: int = 0
    previous: str | None = None

    @property
    def head_id(self) -> str | None:
        """The id of the head's checkpoint."""
        return self.head.checkpoint_id if self.head else None

    def after(self, saved: Checkpoint) -> Place:
        """Return the place after a save."""
        head = Head(
            agent_id=saved.agent_id,
            thread_id=saved.thread_id,
            checkpoint_id=saved.id,
            version=self.head.version + 1 if self.head else 1,
            moved_at=saved.created_at,
        )
        goes = saved.kind is Kind.PRE_OPERATION
        before = saved.metadata.get(PREVIOUS, saved.parent_id) if goes else None
        return Place(head, saved.step, before)

    def mark(self) -> dict[str, str]:
        """Return what the metadata of the next save say of it."""
        return {} if self.previous is None else {PREVIOUS: self.previous}


class Standing:
    """Where a manager stands after its last save, and after its last one that is durable.

    Of saves that were given and have not landed it is not known whether they are kept; after an
    error ``in_doubt`` says that the stored head has to tell.
    """

    def __init__(self) -> None:
        self.now = self.durable = Place()
        self.known = self.in_doubt = False
        self._given: dict[str, Context] = {}

    def at(self, place: Place) -> None:
        """Stand where the stored head is."""
        self.now = self.durable = place
        self.known, self.in_doubt = True, False
        self._given.clear()

    def give(self, checkpoint_id: str) -> None:
        """Note that a save is under way, and the context in which it was asked for."""
        self._given[checkpoint_id] = copy_context()

    def landed(self, saved: Checkpoint) -> Context:
        """Note that a save is durable, and none that was given before it will be any more.

        Returns the context in which it was asked for.
        """
        self.durable = self.durable.after(saved)
        context = self._given.get(saved.id) or copy_context()
        for earlier in list(self._given):
            del self._given[earlier]
            if earlier == saved.id:
                break
        return context

    def may_be_at(self, checkpoint_id: str | None) -> bool:
        """Say whether the stored head can be there without anybody else having moved it."""
        return checkpoint_id == self.durable.head_id or self.gave(checkpoint_id)

    def gave(self, checkpoint_id: str | None) -> bool:
        """Say whether it was given to be saved, and is not known to be kept."""
        return checkpoint_id in self._given

    def doubt(self, place: Place) -> None:
        """Go back to a place after an error that leaves open what was kept."""
        self.now, self.in_doubt = place, True

    def settle(self) -> None:
        """Stand where the last durable save is: nothing is under way, nothing in doubt."""
        self.now, self.in_doubt = self.durable, False
