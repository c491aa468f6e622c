"""Everything that is wrong in a folder, most of which Kaizen does not notice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from datetime import datetime, timedelta

from checkpoints.connectors import marks
from checkpoints.connectors.kaizen.catalog import Catalog, finding
from checkpoints.connectors.kaizen.states import Saved
from checkpoints.records import Finding

_AHEAD = timedelta(minutes=1)
"""How far the clocks of two machines may be apart."""
_FEWEST_ITEMS = 2


def verify(catalog: Catalog, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with each file and between them, at ``now``."""
    for content in catalog.read().values():
        yield from content.findings
    yield from catalog.duplicates()
    saved = catalog.saved()
    yield from _from_the_future(saved, now)
    yield from _emptied(saved)
    yield from _missing_parents(catalog)


def _from_the_future(saved: Iterable[Saved], now: datetime) -> Iterator[Finding]:
    for item in saved:
        written_at = item.record.created_at
        if written_at - now > _AHEAD and not item.is_locked:
            message = f"{item.entry.place}: it is dated {written_at:%Y-%m-%d %H:%M} UTC"
            yield finding("future_id", f"{message}, which is yet to come", item.record.id)


def _emptied(saved: Iterable[Saved]) -> Iterator[Finding]:
    """Yield the states whose memory is empty though that of their parent was not."""
    known = {item.record.id: item for item in saved}
    for item in known.values():
        parent = known.get(item.record.parent_id or "")
        if parent is None or item.is_locked:
            continue
        for name, before in parent.items.items():
            if before >= _FEWEST_ITEMS and not item.items.get(name, 0):
                message = f"{item.entry.place}: {name} held {before} items at {parent.record.id}"
                yield finding("poisoned", f"{message} and holds none here", item.record.id)


def _missing_parents(catalog: Catalog) -> Iterator[Finding]:
    """Yield parents that are gone where a branch began, and one finding for an agent's holes.

    That the oldest checkpoint of an agent has no parent any more is what retention does.
    """
    saved = catalog.saved()
    present = {item.record.id for item in saved}
    orphans = [item for item in saved if item.record.parent_id and not _has_parent(item, present)]
    siblings = Counter(item.record.parent_id for item in orphans)
    holes: dict[str, list[Saved]] = defaultdict(list)
    for item in orphans:
        parent = item.record.parent_id
        if siblings[parent] > 1 or parent in _origins(item):
            message = f"{item.entry.place}: {parent}, at which it branched off, is gone"
            yield finding("missing_parent", message, item.record.id)
        else:
            holes[item.record.agent_id].append(item)
    for agent, items in holes.items():
        yield from _hole(items, [item for item in saved if item.record.agent_id == agent])


def _has_parent(item: Saved, present: Container[str | None]) -> bool:
    return item.record.parent_id in present


def _origins(item: Saved) -> tuple[object, object]:
    metadata = item.record.metadata
    return metadata.get(marks.FORKED_FROM), metadata.get(marks.RESTORED_FROM)


def _hole(items: list[Saved], own: list[Saved]) -> Iterator[Finding]:
    """Yield a finding for those whose parent is gone though older ones of the agent are there."""
    oldest = min(item.record.created_at for item in own)
    inside = sorted(
        (item for item in items if item.record.created_at > oldest),
        key=lambda item: item.record.created_at,
    )
    if inside:
        first, others = inside[0], len(inside) - 1
        more = f", and so are those of {others} later ones" if others else ""
        message = f"{first.entry.place}: its parent {first.record.parent_id} is gone{more}"
        yield finding("missing_parent", f"{message}: pruned, or lost", first.record.id)
