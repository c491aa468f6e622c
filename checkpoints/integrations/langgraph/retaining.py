"""Carrying a retention policy out beside a graph's saves."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from checkpoints.connectors.langgraph_native.places import places_of
from checkpoints.errors import CheckpointError
from checkpoints.integrations.langgraph.graph_store import GraphStore
from checkpoints.integrations.langgraph.keeping import latest, needed_by
from checkpoints.integrations.langgraph.remembered import THREADS, Memory
from checkpoints.records import Checkpoint
from checkpoints.retention import GRACE, RetentionPolicy, plan_prune

logger = logging.getLogger("checkpoints")

EVERY: Final = 16
"""Saves of a thread from one look at what may go to the next."""


class Retainer:
    """Moves to the trash what the policy does not keep and no kept checkpoint needs."""

    def __init__(self, graph: GraphStore, policy: RetentionPolicy | None) -> None:
        self._graph = graph
        self._policy = policy
        self._saves: Memory[str, int] = Memory(THREADS)

    def after_save(self, thread_id: str, serde: Any, now: datetime) -> None:
        """Remove now and then what may go. Never raises for the store: the save is safe."""
        if self._policy is None:
            return
        saves = (self._saves.get(thread_id) or 0) + 1
        self._saves.put(thread_id, saves)
        if saves % EVERY:
            return
        try:
            self._carry_out(self._policy, thread_id, serde, now)
        except CheckpointError as error:
            logger.warning("retention was not carried out, the save is safe: %s", error)

    def _carry_out(
        self, policy: RetentionPolicy, thread_id: str, serde: Any, now: datetime
    ) -> None:
        records = self._graph.history(thread_id)
        plan = plan_prune(records, policy, now=now, exempt=self._exempt(thread_id, records))
        kept = [decision.checkpoint_id for decision in plan.keep]
        needed = needed_by(self._graph, records, kept, places_of(records), serde)
        going = {one.checkpoint_id: one.reason for one in plan.remove}
        going = {name: reason for name, reason in going.items() if name not in needed}
        if going:
            self._graph.store.trash(going, now=now)
            self._graph.store.sweep(before=now - GRACE)

    def _exempt(self, thread_id: str, records: Sequence[Checkpoint]) -> dict[str, str]:
        """Return why pins, the head, and what other namespaces go on from stay."""
        standing = self._graph.standing(thread_id)
        going_on = latest(self._graph, thread_id, places_of(records), standing)
        exempt = {record.id: "its namespace goes on from it" for _, record in going_on}
        if standing is not None:
            exempt[standing.record_id] = "the head"
        pins = self._graph.store.pins()
        return exempt | {pin.checkpoint_id: f"pinned: {pin.reason}" for pin in pins}
