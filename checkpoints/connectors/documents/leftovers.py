"""What interrupted saves left of checkpoints that are erased, told by the texts in it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

from checkpoints.connectors.documents.erasing import Eraser
from checkpoints.connectors.documents.folder import Entry


@dataclass(slots=True, kw_only=True)
class FieldEraser(Eraser):
    """Knows a leftover by the field that holds a checkpoint's id, and by that of its owner.

    ``owner`` is what the owner's field holds for the thread that is erased.
    """

    id_field: str
    owner_field: str
    owner: str

    def is_of(self, content: bytes, entry: Entry, ids: Collection[str]) -> bool | None:
        """Say whether a leftover is of what is erased; ``None`` when that cannot be told."""
        found = set(texts(self.id_field, content))
        if found & set(ids):
            return True
        if self.erasure.whole and self.owner in texts(self.owner_field, content):
            return True
        return None if content.strip(b"\0 \n") and not found else False


def texts(field: str, content: bytes) -> Iterator[str]:
    """Yield what stands in the fields of a name, in what may be no whole document."""
    pattern = rb'"' + re.escape(field.encode()) + rb'"\s*:\s*("(?:[^"\\]|\\.)*")'
    for found in re.findall(pattern, content):
        with suppress(ValueError):
            yield json.loads(found)
