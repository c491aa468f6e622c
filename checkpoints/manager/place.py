"""Where a manager stands in its thread."""

from __future__ import annotations

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
