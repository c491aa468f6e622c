"""Which of what saves left behind is of checkpoints of DreamOS's that are erased."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from checkpoints.connectors.documents.erasing import Eraser
from checkpoints.connectors.documents.folder import Entry
from checkpoints.connectors.documents.leftovers import texts
from checkpoints.connectors.dreamos.names import SUFFIX


@dataclass(slots=True, kw_only=True)
class DreamosEraser(Eraser):
    """An erasure of one agent's checkpoints, while it is under way."""

    def is_of(self, content: bytes, entry: Entry, ids: Collection[str]) -> bool | None:
        """Say whether a leftover is of what is erased; ``None`` when that cannot be told.

        A copy is named by its checkpoint; what an interrupted save left says only whose it is.
        """
        name = entry.name.removeprefix(".")
        if any(name.startswith(f"{checkpoint_id}{SUFFIX}") for checkpoint_id in ids):
            return True
        agents = set(texts("agent_id", content))
        if self.erasure.agent_id in agents:
            return True if self.erasure.whole else _is_named(name)
        return None if content.strip(b"\0 \n") and not agents else False


def _is_named(name: str) -> bool | None:
    """A leftover that names its checkpoint is of another one; of the rest it cannot be told."""
    return False if SUFFIX in name else None
