"""Going on from a checkpoint that an operator restored.

The step that followed a restored checkpoint left its tasks' writes there. A run that found them
would not take the step again, and its own writes would mix with those that the later checkpoints
of the old branch are built from. So such a checkpoint is gone on from as a copy of a new id, with
the same parent and no writes, as LangGraph itself forks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from langgraph.checkpoint.base.id import uuid6

from checkpoints.connectors.inert import step_number
from checkpoints.connectors.langgraph_native.places import place_of
from checkpoints.connectors.langgraph_native.reading import ENVELOPE
from checkpoints.connectors.marks import marked
from checkpoints.integrations.langgraph.drafts import Maker, graph_metadata
from checkpoints.integrations.langgraph.graph_store import GraphStore, Standing
from checkpoints.integrations.langgraph.states import checkpoint_in, envelope_in, serialised
from checkpoints.integrations.langgraph.writes import WriteJournal
from checkpoints.records import Checkpoint

FORK: Final = "fork"


def settled(
    graph: GraphStore, journal: WriteJournal, thread_id: str, serde: Any, now: datetime
) -> Standing | None:
    """Return where a thread goes on from, None for one that has not begun.

    The first to look at a thread after a restore saves the copy, where one is needed.
    """
    while (standing := graph.standing(thread_id)) is not None and standing.operation_id:
        record = graph.current(thread_id, "", standing)
        if record is None or not _needs_copy(graph, journal, thread_id, standing, record):
            return standing
        forked = _forked(graph, thread_id, standing, record, serde, now)
        if forked is not None:
            return forked
    return standing


def _needs_copy(
    graph: GraphStore,
    journal: WriteJournal,
    thread_id: str,
    standing: Standing,
    record: Checkpoint,
) -> bool:
    """Say whether a checkpoint has writes of a step that was taken, or a directive to carry."""
    place = place_of(record)
    followed = graph.lineage(thread_id, standing).is_followed(place)
    return standing.directive is not None or (
        followed and bool(journal.entries_of(thread_id, place))
    )


def _forked(
    graph: GraphStore,
    thread_id: str,
    standing: Standing,
    record: Checkpoint,
    serde: Any,
    now: datetime,
) -> Standing | None:
    old, state = place_of(record), graph.store.load(record)
    metadata = _metadata(record, old.id, standing)
    envelope = envelope_in(state, serde)
    changed = {"id": str(uuid6(clock_seq=metadata["step"])), "ts": now.isoformat()}
    state = {**state, ENVELOPE: serialised(serde, {**envelope, **changed})}
    place = replace(old, record_id=changed["id"], id=changed["id"])
    maker = Maker(agent_id=graph.agent_id, thread_id=thread_id)
    draft = maker.of(
        place, checkpoint_in(state, serde), metadata, nodes=(), follows=record.id, now=now
    )
    return graph.save_behind(standing, place, draft, state)


def _metadata(record: Checkpoint, old_id: str, standing: Standing) -> dict[str, Any]:
    metadata = graph_metadata(record)
    step = step_number(metadata.get("step"))
    changed = {**metadata, "source": FORK, "step": 0 if step is None else step + 1}
    return marked(
        changed,
        restored_from=old_id,
        operation_id=standing.operation_id or "",
        reason=standing.reason or "",
        directive=standing.directive,
    )
