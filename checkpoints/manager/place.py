"""Where a manager stands in its thread."""

from __future__ import annotations

from dataclasses import dataclass

from checkpoints.records import Checkpoint, Head


@dataclass(frozen=True, slots=True)
class Place:
    """The head as this manager knows it, and its step."""

    head: Head | None = None
    step: int = 0

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
        return Place(head, saved.step)
