"""Which node wrote to which channel in each step of a thread."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from checkpoints.connectors.langgraph import bodies, progress
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key, LangGraphRows, WriteRow
from checkpoints.connectors.langgraph.sizes import Nodes
from checkpoints.errors import CorruptCheckpoint

_STEPS_KEPT: Final = 256


@dataclass(slots=True)
class Steps:
    """Tells who wrote to which channel in the steps that followed the newest checkpoints."""

    rows: LangGraphRows
    _known: OrderedDict[Key, Nodes] = field(default_factory=OrderedDict)

    def taken(self, row: CheckpointRow) -> list[tuple[WriteRow, str | None]]:
        """Return what was written after a checkpoint, each with its node; remember that."""
        writes = self.rows.writes(row.key)
        sends = _sends(row) if progress.are_pushed(writes) else ()
        found = [(write, progress.node_of(write, sends)) for write in writes]
        self._known[row.key] = _by_channel(found)
        if len(self._known) > _STEPS_KEPT:
            self._known.popitem(last=False)
        return found

    def before(self, row: CheckpointRow) -> Nodes:
        """Return who wrote to which channel in the step that led to a checkpoint."""
        key = Key(row.key.thread_id, row.key.namespace, row.parent_id or "")
        known = self._known.get(key)
        if known is not None or not row.parent_id:
            return known or {}
        parent = self.rows.checkpoint(key)
        return _by_channel(self.taken(parent)) if parent else {}


def _sends(row: CheckpointRow) -> Sequence[str]:
    try:
        return progress.send_targets(bodies.decode_body(row))
    except CorruptCheckpoint:
        return ()


def _by_channel(found: Sequence[tuple[WriteRow, str | None]]) -> Nodes:
    nodes: dict[str, list[str]] = defaultdict(list)
    for write, node in found:
        if node:
            nodes[write.channel].append(node)
    return {channel: tuple(names) for channel, names in nodes.items()}
