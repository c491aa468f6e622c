"""What a restore means, read from the store that it is planned for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from checkpoints.connectors import inert, langgraph_native
from checkpoints.connectors.langgraph_native.places import Place, writes_of
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.impact import MOST, Impact, Interrupt, impact_of, question_text
from checkpoints.records import EFFECT, Checkpoint, Effect, JournalEntry, RestorePlan
from checkpoints.stores.base import ReadableStore, Store

STATES_SINCE: Final = 8
"""States between target and head that are read besides them."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""What these may take together, as far as it is known before they are read."""
_INTERRUPT = "__interrupt__"


@runtime_checkable
class Asking(Protocol):
    """A store that can tell which questions were asked at a checkpoint."""

    def questions(self, checkpoint: Checkpoint) -> Sequence[str]:
        """Return what was asked there, as people read it. Raises CorruptCheckpoint."""
        ...


def read_impact(store: ReadableStore, plan: RestorePlan, *, most: int = MOST) -> Impact:
    """Say what carrying out a plan means. Writes nothing.

    What cannot be read is left out and named in the notes. Raises StoreError when the store cannot
    be reached, CheckpointNotFound when the plan's thread is gone.
    """
    history = store.history(plan.agent_id, plan.thread_id)
    records = {(record.namespace, record.id): record for record in history}
    root = plan.targets[0].namespace
    target = records.get((root, plan.targets[0].checkpoint_id))
    head = records.get((root, plan.expected_head or ""))
    left = [records[root, name] for name in reversed(plan.superseded) if (root, name) in records]
    effects, notes = _effects(store, plan)
    return impact_of(
        plan=plan,
        target_state=_state(store, target),
        head_state=_state(store, head),
        history=history,
        effects=effects,
        states_since=list(_between(store, [one for one in left if one is not head])),
        interrupts=_interrupts(store, target),
        notes=notes,
        most=most,
    )


def _state(store: ReadableStore, record: Checkpoint | None) -> dict[str, Any] | None:
    if record is None or record.damage:
        return None
    try:
        return langgraph_native.load_readable(store, record)
    except (CorruptCheckpoint, CheckpointNotFound):
        return None


def _between(store: ReadableStore, left: Sequence[Checkpoint]) -> Iterator[dict[str, Any]]:
    """Yield a few states, spread over those that are superseded, oldest first."""
    spread = range(0, len(left), max(1, -(-len(left) // STATES_SINCE)))
    taken = 0
    for record in (left[place] for place in spread):
        taken += record.size or 0
        if taken > MOST_BYTES:
            return
        state = _state(store, record)
        if state is not None:
            yield state


def _effects(store: ReadableStore, plan: RestorePlan) -> tuple[list[Effect], tuple[str, ...]]:
    if not isinstance(store, Store):
        return [], ()
    try:
        entries = store.entries(plan.agent_id, plan.thread_id, kind=EFFECT)
    except CorruptCheckpoint as error:
        return [], (f"what was done outside since then cannot be told: {error}",)
    return [_effect(entry) for entry in entries], ()


def _effect(entry: JournalEntry) -> Effect:
    return Effect(
        agent_id=entry.agent_id,
        thread_id=entry.thread_id,
        name=str(entry.data.get("name", entry.key)),
        key=str(entry.data.get("key", entry.key)),
        recorded_at=entry.recorded_at,
        checkpoint_id=entry.checkpoint_id,
        result=entry.data.get("result"),
    )


def _interrupts(store: ReadableStore, target: Checkpoint | None) -> list[Interrupt] | None:
    """Return the questions at the target; None where the store cannot tell them."""
    if target is None:
        return None
    place = Place.of(target)
    try:
        if isinstance(store, Asking):
            return [Interrupt(question=text) for text in store.questions(target)]
        if place is not None and isinstance(store, Store):
            return list(_asked(writes_of(store, target.agent_id, target.thread_id, place)))
    except CorruptCheckpoint:
        return None
    return None


def _asked(writes: Sequence[JournalEntry]) -> Iterator[Interrupt]:
    """Yield what tasks asked there, answered by now or not: a restored step is taken anew."""
    for write in writes:
        if write.data["channel"] == _INTERRUPT:
            yield Interrupt(question=question_text(inert.decode_typed(*write.data["value"])))
