"""Saving and loading the threads of one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint as GraphCheckpoint
from langgraph.checkpoint.base import CheckpointMetadata, CheckpointTuple

from checkpoints.connectors.langgraph_native.places import Place, place_of
from checkpoints.connectors.langgraph_native.reading import ENVELOPE
from checkpoints.integrations.langgraph import progress, resuming
from checkpoints.integrations.langgraph.addresses import Address
from checkpoints.integrations.langgraph.drafts import Maker, graph_metadata, json_metadata
from checkpoints.integrations.langgraph.graph_store import Change, GraphStore, Standing
from checkpoints.integrations.langgraph.marking import Marker
from checkpoints.integrations.langgraph.remembered import RECENT, Memory, Recent
from checkpoints.integrations.langgraph.retaining import Retainer
from checkpoints.integrations.langgraph.states import checkpoint_in, state_of
from checkpoints.integrations.langgraph.writes import Task, WriteJournal
from checkpoints.records import Checkpoint, Draft
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store


class Threads:
    """The threads of one graph, with what is remembered of them."""

    def __init__(self, store: Store, agent_id: str, retention: RetentionPolicy | None) -> None:
        self.graph = GraphStore(store, agent_id)
        self.journal = WriteJournal(store, agent_id)
        self._recent: Memory[Address, Recent] = Memory(RECENT, size=lambda one: one.size)
        self._nodes: Memory[Address, frozenset[str]] = Memory(RECENT)
        self._marker = Marker(self.graph)
        self._retainer = Retainer(self.graph, retention)

    def find(self, address: Address, serde: Any, now: datetime) -> Checkpoint | None:
        """Return the record of a checkpoint, or of the one that a namespace goes on from."""
        if address.checkpoint_id is not None:
            return self.graph.find(address.thread_id, (address.namespace, address.checkpoint_id))
        standing = resuming.settled(self.graph, self.journal, address.thread_id, serde, now)
        if standing is None:
            return None
        return self.graph.current(address.thread_id, address.namespace, standing)

    def loaded(self, record: Checkpoint, address: Address, serde: Any) -> CheckpointTuple:
        """Return a checkpoint as LangGraph takes it. Raises CorruptCheckpoint, StoreError."""
        place = place_of(record)
        checkpoint = checkpoint_in(self.graph.store.load(record), serde)
        here = address.at(place.namespace, place.id)
        self._remember(here, place, checkpoint, {})
        return CheckpointTuple(
            config=here.config(),
            checkpoint=checkpoint,
            metadata=graph_metadata(record),
            parent_config=here.config(place.parent) if place.parent else None,
            pending_writes=self.journal.pending(address.thread_id, place, serde),
        )

    def save(
        self,
        address: Address,
        config: RunnableConfig,
        checkpoint: GraphCheckpoint,
        metadata: CheckpointMetadata,
        new_versions: Mapping[str, Any],
        *,
        serde: Any,
        now: datetime,
    ) -> Place:
        """Save a checkpoint behind the one that its config names, and return where."""
        values = json_metadata(config, metadata)
        place = _place(address, checkpoint["id"], values)
        before = self._recent.get(address)
        versions = checkpoint["channel_versions"]
        unchanged = before.unchanged(versions, new_versions) if before else {}
        state = state_of(checkpoint, serde, unchanged)
        change = self._change(address, place, checkpoint, values, now)
        kept = self.graph.save(address.thread_id, place, state, change)
        here = address.at(place.namespace, place.id)
        self._recent.pop(address)
        self._remember(here, kept, checkpoint, {n: v for n, v in state.items() if n != ENVELOPE})
        self._marker.settle(here, kept)
        self._retainer.after_save(address.thread_id, serde, now)
        return kept

    def _change(
        self,
        address: Address,
        place: Place,
        checkpoint: GraphCheckpoint,
        metadata: Mapping[str, Any],
        now: datetime,
    ) -> Change:
        """Return what makes the draft of a checkpoint, given the head that it comes behind."""
        before, named = self._recent.get(address), self._nodes.pop(address)
        nodes = progress.nodes_that_ran(
            checkpoint["versions_seen"], before.seen if before else None, named or ()
        )
        maker = Maker(agent_id=self.graph.agent_id, thread_id=address.thread_id)

        def change(standing: Standing | None) -> Draft:
            follows = self._followed(address, place, standing)
            return maker.of(place, checkpoint, metadata, nodes=nodes, follows=follows, now=now)

        return change

    def keep_writes(
        self,
        address: Address,
        writes: Sequence[tuple[str, Any]],
        task: Task,
        *,
        serde: Any,
        now: datetime,
    ) -> None:
        """Keep a task's writes, and mark the checkpoint where they say how its step ended."""
        recent = self._recent.get(address)
        place = recent.place if recent else self._written_place(address)
        entries = self.journal.entries_for(
            address.thread_id, place, writes, task, serde=serde, now=now
        )
        self.journal.keep(entries)
        node = progress.node_of(task.path, recent.sends if recent else ())
        if node is not None:
            self._nodes.put(address, (self._nodes.get(address) or frozenset()) | {node})
        self._marker.mark(address, place, writes, node, serde, now)

    def forget(self, thread_id: str) -> None:
        """Remember nothing of what was deleted."""
        self.graph.forget(thread_id)
        self._recent.clear()

    def _remember(
        self,
        address: Address,
        place: Place,
        checkpoint: GraphCheckpoint,
        channels: Mapping[str, Any],
    ) -> None:
        if not channels and self._recent.get(address) is not None:
            return
        recent = Recent(
            place=place,
            versions=dict(checkpoint["channel_versions"]),
            seen={node: dict(seen) for node, seen in checkpoint["versions_seen"].items()},
            sends=progress.sent_to(checkpoint),
            channels=channels,
        )
        self._recent.put(address, recent)

    def _written_place(self, address: Address) -> Place:
        """Return the place of a checkpoint whose writes come before it was saved, or long after."""
        checkpoint_id = address.checkpoint_id or ""
        record = self.graph.find(address.thread_id, (address.namespace, checkpoint_id))
        if record is not None:
            return place_of(record)
        return Place(record_id=checkpoint_id, id=checkpoint_id, namespace=address.namespace)

    def _followed(self, address: Address, place: Place, standing: Standing | None) -> str | None:
        """Return the record that a checkpoint follows; a subgraph's first follows its root's."""
        parent = address if place.parent else address.at("", place.root)
        if parent.checkpoint_id is None:
            return None
        names = (parent.namespace, parent.checkpoint_id)
        if standing is not None and (standing.place.namespace, standing.place.id) == names:
            return standing.record_id
        recent = self._recent.get(parent)
        return (recent.place if recent else self._written_place(parent)).record_id


def _place(address: Address, checkpoint_id: str, metadata: Mapping[str, Any]) -> Place:
    parents = metadata.get("parents")
    root = parents.get("") if address.namespace and isinstance(parents, Mapping) else None
    place = Place(record_id=checkpoint_id, id=checkpoint_id, namespace=address.namespace)
    return replace(place, parent=address.checkpoint_id, root=root)
