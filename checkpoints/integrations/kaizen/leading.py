"""Keeping a thread's head at what Kaizen resumes from."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from checkpoints.errors import HeadMoved
from checkpoints.identifiers import new_id
from checkpoints.integrations.kaizen.states import Place, Saved
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.base import Store


class Heads:
    """Moves heads, and remembers how far this process has seen them move."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[Place, int] = {}

    def seen(self, head: Head) -> None:
        """Note that the agent resumed from a head."""
        self.moved_to(Place(agent_id=head.agent_id, thread_id=head.thread_id), head.version)

    def moved_to(self, place: Place, version: int) -> None:
        """Note that a save of this process moved a head."""
        self._seen[place] = version

    def refuse_stale(self, place: Place, head: Head | None) -> None:
        """Raise HeadMoved when somebody restored a checkpoint under this process."""
        seen = self._seen.get(place)
        if head is None or head.operation_id is None or seen is None or head.version <= seen:
            return
        raise HeadMoved(
            f"somebody restored {head.checkpoint_id} while {place.agent_id!r} was running; nothing "
            "was saved, resume from the latest checkpoint or start the agent again",
            expected=None,
            actual=head.checkpoint_id,
        )

    def lead_again(self, current: Saved, head: Head, record: Checkpoint) -> None:
        """Make what was the head before ``record`` it again, unless somebody saved meanwhile."""
        with suppress(HeadMoved):
            moved = self._store.set_head(
                current.record,
                expected=record.id,
                now=self._clock(),
                operation_id=new_id() if head.operation_id else None,
                reason=head.reason,
                directive=head.directive,
            )
            if self._seen.get(current.place) == head.version:
                self._seen[current.place] = moved.version

    def lead_with(self, newest: Saved | None, *, instead_of: str) -> None:
        """Make the newest checkpoint the head where another one is."""
        if newest is None or newest.record.id == instead_of:
            return
        with suppress(HeadMoved):
            self._store.set_head(newest.record, expected=instead_of, now=self._clock())
