"""Bringing what was saved elsewhere into the primary: in order, each state compared."""

from __future__ import annotations

import contextlib

from checkpoints.bodies.states import encode_state
from checkpoints.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    StoreError,
    TransientStoreError,
)
from checkpoints.records import Checkpoint, Head, State
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.aside import Waiting, following
from checkpoints.stores.decorators.elsewhere import Elsewhere

ROUNDS = 10
"""How often a replay begins anew because somebody moves the primary's head under it."""


class Replay:
    """Replays threads into one primary. Done again after a crash anywhere, it ends the same."""

    def __init__(self, primary: Store, elsewhere: Elsewhere) -> None:
        self._primary = primary
        self._elsewhere = elsewhere

    def thread(self, agent_id: str, thread_id: str) -> int:
        """Replay one thread; return how many checkpoints were carried over.

        Raises the primary's StoreError, CorruptCheckpoint for a state that does not hold.
        """
        for _ in range(ROUNDS):
            waiting, complete = self._elsewhere.readable(agent_id, thread_id)
            if not waiting:
                return 0
            with contextlib.suppress(HeadMoved):
                head = self._primary.head(agent_id, thread_id)
                return self._carry(waiting, head, complete=complete)
        raise TransientStoreError(
            f"the head of {thread_id!r} in {self._primary.url} moves faster than what waits can "
            "be replayed; nothing was lost, try again"
        )

    def has(self, record: Checkpoint) -> bool:
        """Say whether the primary lists a checkpoint."""
        try:
            self._primary.get(record.id, thread_id=record.thread_id)
        except CheckpointNotFound:
            return False
        return True

    def _carry(self, waiting: list[Waiting], head: Head | None, *, complete: bool) -> int:
        chain = following(waiting, head.checkpoint_id if head else None)
        for item in chain:
            self._carry_one(item)
        carried = {item.record.id for item in chain}
        with contextlib.suppress(StoreError):
            self._settle(waiting, carried, complete=complete)
        return len(carried)

    def _carry_one(self, item: Waiting) -> None:
        state = item.aside.store.load(item.record)
        saved = self._primary.put(item.draft(), state, expected_head=item.after)
        self._require_same(state, saved)

    def _settle(self, waiting: list[Waiting], carried: set[str], *, complete: bool) -> None:
        """Mark what waited as done: in the primary, or a branch.

        While another store cannot be read nothing is called a branch: what it follows may be there.
        """
        for item in waiting:
            if item.record.id in carried:
                continue
            if self.has(item.record):
                self._require_same(item.aside.store.load(item.record), item.record)
            elif complete:
                item.aside.leave_as_branch(item.record)
            else:
                return
        for aside, newest in {item.aside: item.record for item in waiting}.items():
            aside.settle(newest)

    def _require_same(self, state: State, saved: Checkpoint) -> None:
        found = self._primary.load(saved)
        if encode_state(found).sha256 != encode_state(state).sha256:
            raise CorruptCheckpoint(
                f"{saved.id} did not come back from {self._primary.url} as it was saved elsewhere; "
                "its copy stays in the fallback store",
                checkpoint_id=saved.id,
            )
