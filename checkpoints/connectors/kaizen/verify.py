"""Everything that is wrong in a folder, most of which Kaizen does not notice."""

from __future__ import annotations

from collections.abc import Iterator

from checkpoints.connectors.kaizen.catalog import Catalog, finding
from checkpoints.records import Finding


def verify(catalog: Catalog) -> Iterator[Finding]:
    """Yield damaged, encrypted and leftover files, doubled ids and parents that are gone."""
    for content in catalog.read().values():
        yield from content.findings
    yield from catalog.duplicates()
    yield from _missing_parents(catalog)


def _missing_parents(catalog: Catalog) -> Iterator[Finding]:
    saved = catalog.saved()
    present = {item.record.id for item in saved}
    for item in saved:
        parent = item.record.parent_id
        if parent and parent not in present:
            message = f"{item.entry.place}: its parent {parent} is gone; its lineage ends here"
            yield finding("missing_parent", message, item.record.id)
