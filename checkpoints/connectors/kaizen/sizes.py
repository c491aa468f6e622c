"""What the fields of Kaizen's states take up, and the folder as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress

from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.names import is_leftover, parse_name
from checkpoints.connectors.kaizen.states import Saved
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.measures import FieldSize, Space
from checkpoints.stores.measuring import FieldSums


def field_sizes(catalog: Catalog, lineage: Iterable[Saved]) -> Iterator[FieldSize]:
    """Yield what each field takes as JSON, largest first; what cannot be read is passed over.

    A file is compressed as a whole, so what a field takes in it is not known.
    """
    sums = FieldSums()
    for saved in lineage:
        if saved.is_locked:
            continue
        with suppress(CorruptCheckpoint, CheckpointNotFound):
            sums.add({name: _size(value) for name, value in catalog.line(saved).decode().items()})
    return sums.largest_first()


def space(catalog: Catalog) -> Space:
    """Return what the checkpoints' files take, and those that interrupted saves left."""
    entries = list(catalog.folder.entries())
    left = sum(one.stamp.size for one in entries if is_leftover(one.name))
    kept = sum(one.stamp.size for one in entries if parse_name(one.name) is not None)
    return Space(stored=kept + left, free=0, orphaned=left)


def _size(value: object) -> int:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))
