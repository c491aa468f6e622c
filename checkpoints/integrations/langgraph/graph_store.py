"""A store of Holdfast's own as the saver sees it: LangGraph's ids in, records out."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from checkpoints.connectors.langgraph_native.lineages import Lineage
from checkpoints.connectors.langgraph_native.places import (
    Name,
    Place,
    another_id,
    find,
    places_of,
    readable_record,
)
from checkpoints.errors import CheckpointNotFound, HeadMoved, PlanRefused
from checkpoints.forks import renew_in_children
from checkpoints.integrations.langgraph.remembered import THREADS, Memory
from checkpoints.records import Checkpoint, Directive, Draft, Head
from checkpoints.stores.base import Store

PATIENCE: Final = 0.02
"""Seconds that a save waits at most before it tries again behind another writer's."""

Change = Callable[["Standing | None"], Draft]
"""Makes the draft of a save that follows a head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The head of a thread and the checkpoint that it stands for.

    ``operation_id`` names the operation that moved it there, None when a save did; ``reason``
    and ``directive`` are what the operator left with it.
    """

    record_id: str
    version: int
    place: Place
    operation_id: str | None = None
    reason: str | None = None
    directive: Directive | None = None


class GraphStore:
    """The threads of one agent."""

    def __init__(self, store: Store, agent_id: str) -> None:
        self.store = store
        self.agent_id = agent_id
        self._standings: Memory[str, Standing] = Memory(THREADS)
        self._lineages: Memory[str, tuple[int, Lineage]] = Memory(THREADS // 64)
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._looking = threading.Lock()

    def standing(self, thread_id: str) -> Standing | None:
        """Return where a thread stands now, None for one that has not begun.

        Raises PlanRefused when something else than LangGraph's saver wrote its head.
        """
        head = self.store.head(self.agent_id, thread_id)
        known = self._standings.get(thread_id)
        if head is None:
            self.forget(thread_id)
            return None
        if known is None or (known.record_id, known.version) != (head.checkpoint_id, head.version):
            known = self._looked_up(head)
            self._standings.put(thread_id, known)
        return known

    def find(self, thread_id: str, name: Name) -> Checkpoint | None:
        """Return the record of a checkpoint of LangGraph, None where there is none."""
        return find(self.store, self.agent_id, thread_id, name)

    def current(self, thread_id: str, namespace: str, standing: Standing) -> Checkpoint | None:
        """Return the checkpoint from which a namespace goes on, given where its thread stands.

        Raises CheckpointNotFound when that of the head was deleted.
        """
        root = standing.place
        if root.namespace and root.root:
            root = replace(root, namespace="", id=root.root)
        if namespace or root.namespace:
            return self._newest(thread_id, namespace, root.id, standing)
        found = self.find(thread_id, ("", root.id))
        if found is None:
            raise CheckpointNotFound(
                f"thread {thread_id!r} goes on from checkpoint {root.id}, which was deleted; "
                "restore another one"
            )
        return found

    def save(self, thread_id: str, place: Place, state: dict[str, Any], change: Change) -> Place:
        """Save behind whatever the thread's head is by then, and return where it was kept.

        Raises HeadMoved, with nothing saved, when an operator restored the thread under a run
        that is going on; PlanRefused for an id that is saved already with another content.
        """
        standing = self._standings.get(thread_id) or self.standing(thread_id)
        for pause in _pauses():
            try:
                record = self._put(change(standing), state, place, standing)
                break
            except HeadMoved as error:
                before, standing = standing, self.standing(thread_id)
                _refuse_stale(thread_id, place, before, standing, error)
                time.sleep(pause)
        kept = replace(place, record_id=record.id)
        self._standings.put(thread_id, _after(standing, kept))
        return kept

    def save_behind(
        self, standing: Standing, place: Place, draft: Draft, state: dict[str, Any]
    ) -> Standing | None:
        """Save only if the thread still stands where it was seen; None, with nothing saved, else.

        Returns where it stands then.
        """
        try:
            record = self.store.put(draft, state, expected_head=standing.record_id)
        except HeadMoved:
            return None
        after = _after(standing, replace(place, record_id=record.id))
        self._standings.put(draft.thread_id, after)
        return after

    def lineage(self, thread_id: str, standing: Standing) -> Lineage:
        """Return a thread's checkpoints; only what is new since the last time is read."""
        with self._looking:
            version, lineage = self._lineages.get(thread_id) or (0, Lineage())
            if version > standing.version:
                version, lineage = 0, Lineage()
            if version < standing.version:
                moves = standing.version - version if version else None
                for place in reversed(self._since(thread_id, lineage, moves)):
                    lineage.add(place)
                self._lineages.put(thread_id, (standing.version, lineage))
            return lineage

    def _since(self, thread_id: str, lineage: Lineage, moves: int | None) -> list[Place]:
        """Return what a lineage lacks, newest first, after so many moves of the head.

        Others may save meanwhile: it is read back to what the lineage has, so that nothing between
        is left out.
        """
        limit = None if moves is None else moves + 1
        while True:
            records = self.history(thread_id, limit)
            found = [place for place, _ in places_of(records)]
            if limit is None or len(records) < limit or any(map(lineage.has, found)):
                return found
            limit *= 2

    def history(self, thread_id: str, limit: int | None = None) -> list[Checkpoint]:
        """Return a thread's records, newest first; none for one that has not begun."""
        try:
            return self.store.history(self.agent_id, thread_id, limit=limit)
        except CheckpointNotFound:
            return []

    def thread_ids(self) -> list[str]:
        """Return the agent's threads, most recently updated first."""
        threads = self.store.threads()
        return [thread.thread_id for thread in threads if thread.agent_id == self.agent_id]

    def forget(self, thread_id: str) -> None:
        """Remember nothing of a thread: checkpoints of it were deleted."""
        self._standings.pop(thread_id)
        self._lineages.pop(thread_id)

    def _newest(
        self, thread_id: str, namespace: str, root_id: str, standing: Standing
    ) -> Checkpoint | None:
        """Return a namespace's newest checkpoint; read all anew where it was deleted meanwhile."""
        for _ in range(2):
            place = self.lineage(thread_id, standing).newest(namespace, root_id)
            found = self.find(thread_id, place.name) if place else None
            if found is not None or place is None:
                return found
            self._lineages.pop(thread_id)
        return None

    def _looked_up(self, head: Head) -> Standing:
        record = readable_record(self.store, self.agent_id, head.thread_id, head.checkpoint_id)
        place = Place.of(record) if record else None
        if place is None:
            raise PlanRefused(
                f"thread {head.thread_id!r} of agent {head.agent_id!r} was not saved by LangGraph; "
                "nothing was changed. Give the saver another agent_id"
            )
        return Standing(
            record_id=head.checkpoint_id,
            version=head.version,
            place=place,
            operation_id=head.operation_id,
            reason=head.reason,
            directive=head.directive,
        )

    def _put(
        self, draft: Draft, state: dict[str, Any], place: Place, standing: Standing | None
    ) -> Checkpoint:
        expected = standing.record_id if standing else None
        try:
            return self.store.put(draft, state, expected_head=expected)
        except PlanRefused:
            other = another_id(self.agent_id, draft.thread_id, place.namespace, place.id)
            if draft.id != place.id or not self._is_elsewhere(draft, place):
                raise
            return self.store.put(replace(draft, id=other), state, expected_head=expected)

    def _is_elsewhere(self, draft: Draft, place: Place) -> bool:
        """Say whether a draft's id names a checkpoint of another thread or namespace."""
        taken = self.store.get(draft.id)
        found = Place.of(taken)
        if (taken.agent_id, taken.thread_id) != (draft.agent_id, draft.thread_id):
            return True
        return found is None or found.namespace != place.namespace


def _after(standing: Standing | None, place: Place) -> Standing:
    version = standing.version + 1 if standing else 1
    return Standing(record_id=place.record_id, version=version, place=place)


def _pauses() -> Iterator[float]:
    """Yield how long to wait before each further try: ever longer, never the same twice."""
    longest = PATIENCE / 64
    while True:
        yield random.uniform(0, longest)  # noqa: S311
        longest = min(PATIENCE, longest * 2)


def _refuse_stale(
    thread_id: str,
    place: Place,
    before: Standing | None,
    now: Standing | None,
    error: HeadMoved,
) -> None:
    """Raise HeadMoved when the run that saves began before an operator restored its thread."""
    restored = now is not None and now.operation_id is not None
    if before is None or now is None or not restored or place.parent == now.place.id:
        return
    raise HeadMoved(
        f"thread {thread_id!r} was restored to {now.place.id} by operation {now.operation_id} "
        "while this run was going on; its checkpoint was not saved. Invoke the graph again: it "
        "goes on from there",
        expected=error.expected,
        actual=error.actual,
    ) from error
