"""What is wrong between a checkpoint and those that it follows, read one after the other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.bodies import Body
from checkpoints.connectors.langgraph.checks import finding
from checkpoints.connectors.langgraph.deltas import COUNTERS
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Finding

FEWEST_ITEMS: Final = 2
"""A list of one that becomes empty is a queue that is done; more at once are lost."""
_REMEMBERED: Final = 1_024
_CHANNELS: Final = 1_000
_ANCESTORS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a checkpoint holds: how many items by channel, with the channels' versions.

    ``severed`` are the channels that cannot be put together from what is left of its lineage.
    """

    items: Mapping[Any, int] = field(default_factory=dict)
    versions: Mapping[Any, Any] = field(default_factory=dict)
    severed: frozenset[str] = frozenset()
    is_readable: bool = True


_UNKNOWN: Final = Holding()


@dataclass(slots=True)
class Lineages:
    """Compares checkpoints with those that they follow; the newest ones are remembered.

    ``read`` returns the row of a checkpoint, ``None`` when there is none.
    """

    read: Callable[[Key], CheckpointRow | None]
    _known: OrderedDict[Key, Holding] = field(default_factory=OrderedDict)

    def findings(self, row: CheckpointRow, body: Body | None) -> Iterator[Finding]:
        """Yield a parent that is gone, values that went with it, and those that were emptied."""
        parent = self._holding(_above(row)) if row.parent_id else None
        if row.parent_id and parent is None:
            message = f"its parent {row.parent_id} is not in the store; its lineage ends here"
            yield finding("missing_parent", message, row.key)
        holding = self._remember(row, body, parent)
        if holding.severed:
            yield finding("severed_chain", _why_severed(row, holding, parent), row.key)
        if parent is not None and body is not None:
            yield from _emptied(row, body, parent)

    def _holding(self, key: Key) -> Holding | None:
        """Return what a checkpoint holds, read with as many of its ancestors as it takes."""
        waiting: list[CheckpointRow] = []
        known = self._known.get(key)
        seen = {key}
        while known is None and (row := self.read(key)) is not None:
            waiting.append(row)
            key = _above(row)
            if not row.parent_id or not _counted(row):
                break
            known = _UNKNOWN if key in seen or len(seen) > _ANCESTORS else self._known.get(key)
            seen.add(key)
        for row in reversed(waiting):
            known = self._remember(row, _decoded(row), known)
        return known

    def _remember(self, row: CheckpointRow, body: Body | None, parent: Holding | None) -> Holding:
        holding = _held(row, body, parent)
        self._known[row.key] = holding
        self._known.move_to_end(row.key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return holding


def _above(row: CheckpointRow) -> Key:
    return Key(row.key.thread_id, row.key.namespace, row.parent_id or "")


def _decoded(row: CheckpointRow) -> Body | None:
    try:
        return bodies.decode_body(row)
    except CorruptCheckpoint:
        return None


def _counted(row: CheckpointRow) -> Mapping[str, Any]:
    """Return the delta channels that a checkpoint counts, with their counters."""
    counters = bodies.decode_metadata(row).get(COUNTERS)
    return counters if isinstance(counters, dict) else {}


def _held(row: CheckpointRow, body: Body | None, parent: Holding | None) -> Holding:
    if body is None:
        return Holding(is_readable=False)
    items = {
        channel: size
        for channel, value in islice(body.values.items(), _CHANNELS)
        if (size := _size(value)) is not None
    }
    return Holding(
        items=items,
        versions={channel: body.versions.get(channel) for channel in items},
        severed=_severed(row, body, parent),
    )


def _size(value: Any) -> int | None:
    inner = value[inert.VALUE] if isinstance(value, dict) and inert.TYPE in value else value
    return len(inner) if isinstance(inner, (list, dict)) else None


def _severed(row: CheckpointRow, body: Body, parent: Holding | None) -> frozenset[str]:
    """Return the delta channels whose stored value, or a step since it, is not there any more."""
    counters = _counted(row)
    apart = {name for name in counters if name in body.versions and name not in body.values}
    if parent is not None:
        return frozenset(apart & parent.severed if parent.is_readable else apart)
    if row.parent_id:
        return frozenset(apart)
    return frozenset(name for name in apart if _steps(counters[name]) > 1)


def _steps(counter: Any) -> int:
    """Return how many steps ago a delta channel's value was stored, or the lineage began."""
    last = counter[-1] if isinstance(counter, list) and counter else counter
    return inert.step_number(last) or 0


def _why_severed(row: CheckpointRow, holding: Holding, parent: Holding | None) -> str:
    names = ", ".join(sorted(holding.severed))
    if parent is not None:
        why = "one of them is gone" if parent.is_readable else f"{row.parent_id} cannot be read"
    else:
        why = f"{row.parent_id} is gone" if row.parent_id else "they are gone"
    return f"{names} is put together from older checkpoints, and {why}"


def _emptied(row: CheckpointRow, body: Body, parent: Holding) -> Iterator[Finding]:
    """Yield the channels that held several items in the parent and hold none here."""
    counters = _counted(row)
    for channel, before in parent.items.items():
        if before < FEWEST_ITEMS or _is_inner(channel) or channel in counters:
            continue
        version = parent.versions[channel]
        if channel in body.values:
            is_lost = _size(body.values[channel]) == 0
        else:
            is_lost = version is not None and body.versions.get(channel) == version
        if is_lost:
            message = f"{channel} held {before} items at {row.parent_id} and holds none here"
            yield finding("poisoned", message, row.key)


def _is_inner(channel: Any) -> bool:
    return str(channel).startswith(("__", "branch:"))
