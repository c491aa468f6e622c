"""Records that say how a checkpoint's step ended when no checkpoint came of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from checkpoints.connectors.langgraph_native.places import Place, place_of
from checkpoints.errors import CheckpointError
from checkpoints.integrations.langgraph.addresses import Address
from checkpoints.integrations.langgraph.drafts import Maker, Mark
from checkpoints.integrations.langgraph.graph_store import GraphStore
from checkpoints.integrations.langgraph.remembered import RECENT, Memory
from checkpoints.records import Status

logger = logging.getLogger("checkpoints")

ERROR: Final = "__error__"
INTERRUPT: Final = "__interrupt__"
HANDLED: Final = "__error_source_node__"
SHOWN: Final = 500
"""Characters of a question or an error that a record shows."""


class Marker:
    """Follows a root checkpoint with a record of the same state, waiting or failed.

    A thread's status is that of its head; without such a record it would seem to run on.
    """

    def __init__(self, graph: GraphStore) -> None:
        self._graph = graph
        self._due: Memory[Address, Mark] = Memory(RECENT)

    def mark(
        self,
        address: Address,
        place: Place,
        writes: Sequence[tuple[str, Any]],
        node: str | None,
        serde: Any,
        now: datetime,
    ) -> None:
        """Mark a checkpoint if a task's writes say so; one that is not saved yet, when it is."""
        mark = _mark_in(writes, node, serde, now)
        if mark is not None and not address.namespace:
            self._due.put(address, mark)
            self.settle(address, place)

    def settle(self, address: Address, place: Place) -> None:
        """Write the mark that is due for a checkpoint, if it is saved and nothing followed it."""
        if self._due.get(address) is None:
            return
        try:
            self._settle(address, place)
        except CheckpointError as error:
            logger.warning("%s was not marked, its writes are safe: %s", place.id, error)

    def _settle(self, address: Address, place: Place) -> None:
        record = self._graph.find(address.thread_id, ("", place.id))
        mark = self._due.pop(address) if record is not None else None
        standing = self._graph.standing(address.thread_id) if mark else None
        if record is None or mark is None or standing is None:
            return
        here = (standing.place.namespace, standing.place.id) == ("", place.id)
        if not here and standing.place.root != place.id:
            return
        follows = standing.record_id if here else record.id
        maker = Maker(agent_id=self._graph.agent_id, thread_id=address.thread_id)
        draft = maker.mark(record, place_of(record), mark, follows=follows)
        state = self._graph.store.load(record)
        self._graph.save_behind(standing, replace(place, is_mark=True), draft, state)


def _mark_in(
    writes: Sequence[tuple[str, Any]], node: str | None, serde: Any, now: datetime
) -> Mark | None:
    found = dict(writes)
    if ERROR in found and HANDLED not in found:
        error = {"type": type(found[ERROR]).__name__, "message": _text(found[ERROR], serde)}
        return Mark(status=Status.FAILED, step_name=node, at=now, details={"error": error})
    if INTERRUPT in found:
        details = {"interrupt": _text(found[INTERRUPT], serde)}
        return Mark(status=Status.WAITING, step_name=node, at=now, details=details)
    return None


def _text(value: Any, serde: Any) -> str:
    """Return what a list of checkpoints shows of a value: nothing of one that is encrypted."""
    if "+" in serde.dumps_typed("")[0]:
        return ""
    if isinstance(value, (list, tuple)):
        return "; ".join(str(getattr(item, "value", item)) for item in value)[:SHOWN]
    return str(value)[:SHOWN]
