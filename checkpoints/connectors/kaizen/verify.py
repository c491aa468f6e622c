"""Everything that is wrong in a folder, most of which Kaizen does not notice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterator

from checkpoints.connectors import marks
from checkpoints.connectors.kaizen.catalog import Catalog, finding
from checkpoints.connectors.kaizen.states import Saved
from checkpoints.records import Finding


def verify(catalog: Catalog) -> Iterator[Finding]:
    """Yield damaged, encrypted and leftover files, doubled ids and parents that are gone."""
    for content in catalog.read().values():
        yield from content.findings
    yield from catalog.duplicates()
    yield from _missing_parents(catalog)


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
