"""Which checkpoints a listing shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from langchain_core.runnables import RunnableConfig

from checkpoints.connectors.langgraph_native.places import Place, places_of
from checkpoints.integrations.langgraph.addresses import Address
from checkpoints.integrations.langgraph.drafts import graph_metadata
from checkpoints.integrations.langgraph.graph_store import GraphStore
from checkpoints.records import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a checkpoint must have to be listed; None fits any."""

    thread_id: str | None
    namespace: str | None
    checkpoint_id: str | None
    before_id: str | None
    metadata: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        config: RunnableConfig | None,
        metadata: Mapping[str, Any] | None,
        before: RunnableConfig | None,
    ) -> Self:
        """Return what the arguments of a listing ask for."""
        values: dict[str, Any] = config["configurable"] if config else {}
        bound: dict[str, Any] = before["configurable"] if before else {}
        return cls(
            thread_id=str(values["thread_id"]) if config else None,
            namespace=values.get("checkpoint_ns"),
            checkpoint_id=values.get("checkpoint_id") or None,
            before_id=bound.get("checkpoint_id"),
            metadata=metadata or {},
        )

    def fits(self, place: Place, record: Checkpoint) -> bool:
        """Say whether a checkpoint is to be listed."""
        if self.namespace not in (None, place.namespace):
            return False
        if self.checkpoint_id not in (None, place.id):
            return False
        if self.before_id is not None and place.id >= self.before_id:
            return False
        found = graph_metadata(record)
        return all(found.get(name) == value for name, value in self.metadata.items())


def found(
    graph: GraphStore, wanted: Wanted, limit: int | None
) -> Iterator[tuple[Address, Checkpoint]]:
    """Yield the checkpoints wanted, newest first."""
    threads = graph.thread_ids() if wanted.thread_id is None else [wanted.thread_id]
    hits = [
        (Address(thread_id=thread, namespace=place.namespace, checkpoint_id=place.id), record)
        for thread in threads
        for place, record in places_of(graph.history(thread))
        if wanted.fits(place, record)
    ]
    hits.sort(key=lambda hit: hit[0].checkpoint_id or "", reverse=True)
    yield from islice(hits, None if limit is None else max(0, limit))
