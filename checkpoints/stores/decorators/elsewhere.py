"""All the stores to fall back on, as one: those that cannot be read are passed over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from checkpoints.errors import StoreError
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.aside import Aside, Waiting

ThreadKey = tuple[str, str]


class Elsewhere:
    """What lies in other stores than the primary."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self.asides = [Aside(store) for store in stores]

    def waiting(self, agent_id: str, thread_id: str) -> list[Waiting]:
        """Return what waits of a thread. Raises StoreError when a store cannot be read."""
        return [item for aside in self.asides for item in aside.waiting(agent_id, thread_id)]

    def readable(self, agent_id: str, thread_id: str) -> tuple[list[Waiting], bool]:
        """Return what waits in stores that can be read, and whether these were all."""
        found: list[Waiting] = []
        complete = True
        for aside in self.asides:
            try:
                found.extend(aside.waiting(agent_id, thread_id))
            except StoreError:
                complete = False
        return found, complete

    def shown(self, agent_id: str | None, thread_id: str) -> dict[str, Checkpoint]:
        """Return what waits of a thread and its branches, by id, newest first."""
        found: dict[str, Checkpoint] = {}
        for aside in self.asides:
            with contextlib.suppress(StoreError):
                found.update({r.id: r for r in aside.shown(agent_id, thread_id)})
        return found

    def find(self, checkpoint_id: str, thread_id: str | None) -> Checkpoint | None:
        """Return a checkpoint that waits or is a branch."""
        return next((found for _, found in self._finds(checkpoint_id, thread_id)), None)

    def holder(self, checkpoint: Checkpoint) -> Store | None:
        """Return the store that holds this very state."""
        finds = self._finds(checkpoint.id, checkpoint.thread_id)
        return next((store for store, r in finds if r.sha256 == checkpoint.sha256), None)

    def _finds(
        self, checkpoint_id: str, thread_id: str | None
    ) -> Iterator[tuple[Store, Checkpoint]]:
        for aside in self.asides:
            with contextlib.suppress(StoreError):
                found = aside.find(checkpoint_id, thread_id)
                if found is not None:
                    yield aside.store, found

    def keep(
        self, draft: Draft, state: State, *, after: str | None, known: Sequence[Aside]
    ) -> Checkpoint | None:
        """Keep a save where it is known already, or in the first store that accepts it."""
        for aside in known or self.asides:
            with contextlib.suppress(StoreError):
                return aside.keep(draft, state, after=after)
        return None

    def threads(self) -> list[ThreadKey]:
        """Return the agents and threads of which anything lies here."""
        keys: dict[ThreadKey, None] = {}
        for aside in self.asides:
            with contextlib.suppress(StoreError):
                keys.update(((t.agent_id, t.thread_id), None) for t in aside.store.threads())
        return list(keys)

    def agent_of(self, thread_id: str) -> str | None:
        """Return an agent that has a thread of this name. Raises StoreError."""
        heads = (aside.store.head(None, thread_id) for aside in self.asides)
        return next((head.agent_id for head in heads if head is not None), None)
