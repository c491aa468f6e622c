"""What goes with an erased branch besides its checkpoints: damaged files, leftovers of ours."""

from __future__ import annotations

from collections.abc import Collection

from checkpoints.connectors.crewai.files.layout import without_affixes
from checkpoints.connectors.crewai.names import parse_name
from checkpoints.connectors.documents.erasing import Eraser
from checkpoints.connectors.documents.folder import Entry
from checkpoints.connectors.documents.publishing import discard


class CrewAIEraser(Eraser):
    """An erasure among CrewAI's files."""

    def is_of(self, content: bytes, entry: Entry, ids: Collection[str]) -> bool | None:
        """Say whether a leftover is of what is erased; ``None`` when that cannot be told."""
        name = parse_name(without_affixes(entry.name))
        if name and (name.id in ids or name.parent_id in ids):
            return True
        if any(one.encode() in content for one in ids):
            return True
        if self.erasure.whole and entry.subfolder == self.erasure.thread_id:
            return True
        return False if name or not content.strip(b"\0 \n") else None

    def _delete_leftovers(self, ids: Collection[str], directories: dict[str, int]) -> None:
        super()._delete_leftovers(ids, directories)
        for entry, content in self.catalog.read().items():
            own = self.erasure.whole and entry.subfolder == self.erasure.thread_id
            unread = parse_name(entry.name) and not content.saved
            if own and unread and entry.subfolder in directories:
                discard(directories[entry.subfolder], entry.name)
