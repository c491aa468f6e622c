"""The folder that Kaizen's FilesystemStorage writes, as Holdfast reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checkpoints.connectors.documents.folder import Folder
from checkpoints.connectors.kaizen import changes as listing
from checkpoints.connectors.kaizen import sizes
from checkpoints.connectors.kaizen import threads as lineages
from checkpoints.connectors.kaizen.bodies import MAX_BYTES, Line
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.encryption import Keys, no_key
from checkpoints.connectors.kaizen.limits import reasons_against
from checkpoints.connectors.kaizen.states import THREAD, Saved
from checkpoints.connectors.kaizen.verify import verify
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint, PlanRefused
from checkpoints.measures import FieldSize, Space
from checkpoints.records import (
    Capabilities,
    Changes,
    Checkpoint,
    Finding,
    Head,
    Thread,
)

_GENERIC_FOLDERS = frozenset({"checkpoints", ".kaizen", "state", "states"})


class KaizenReading:
    """Lists and reads the checkpoints in a folder of Kaizen's."""

    def __init__(
        self,
        path: Path,
        *,
        url: str | None,
        agent: str | None,
        clock: Callable[[], datetime],
        keys: Keys,
    ) -> None:
        self.path = path
        self.url = url or f"kaizen:///{path}"
        self.clock = clock
        self._folder = Folder(path)
        self._catalog = Catalog(self._folder, agent or _agent_by_folder(path), keys)

    @property
    def capabilities(self) -> Capabilities:
        """What can be done with this folder, with the reason for each thing that cannot."""
        reasons = reasons_against(self._folder, has_keys=self._catalog.keys.given)
        return Capabilities(
            restore="restore" not in reasons,
            fork="fork" not in reasons,
            edit="edit" not in reasons,
            prune="prune" not in reasons,
            erase="erase" not in reasons,
            reasons=reasons,
        )

    def threads(self) -> Iterator[Thread]:
        """Yield every agent's thread, most recently updated first."""
        found = self._threads().values()
        oldest = datetime.min.replace(tzinfo=UTC)
        yield from sorted(found, key=lambda thread: thread.updated_at or oldest, reverse=True)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return an agent's checkpoints, newest first."""
        found = lineages.newest_first(self._known(agent_id, thread_id))
        return [saved.record for saved in found[:limit]]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record. Raises CheckpointNotFound."""
        if thread_id not in (None, THREAD) or namespace not in (None, ""):
            raise CheckpointNotFound(f"Kaizen's checkpoints are all in the thread {THREAD!r}")
        return self._find(checkpoint_id).record

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return the state. Raises CorruptCheckpoint when it changed since it was listed."""
        return self._line(checkpoint).decode()

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are: the file's, or the line's where many share one."""
        saved = self._find(checkpoint.id)
        stored = self._folder.read(saved.entry, MAX_BYTES)
        return stored if saved.is_alone else self._catalog.line(saved).text

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what Kaizen resumes this agent from: its newest loadable checkpoint."""
        lineage = self._of(agent_id, thread_id)
        head = lineages.head_of(lineage)
        if head is None:
            return None
        return self._describe(head, lineage)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after a cursor; a page is counted in files."""
        return listing.changes(self._catalog, cursor, limit=limit, threads=self._threads)

    def field_sizes(self, agent_id: str | None, thread_id: str) -> Iterator[FieldSize]:
        """Yield what each field of an agent's states takes as JSON, largest first."""
        return sizes.field_sizes(self._catalog, self._known(agent_id, thread_id))

    def space(self) -> Space:
        """Return what the folder's files take; what interrupted saves left is orphaned."""
        return sizes.space(self._catalog)

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        return verify(self._catalog, self.clock())

    def close(self) -> None:
        """Let go of nothing: files are open only while they are read."""

    def _require(self, act: str) -> None:
        reason = self.capabilities.reasons.get(act)
        if reason:
            raise PlanRefused(f"{self.path}: {reason}; nothing was written")

    def _threads(self) -> dict[str, Thread]:
        return lineages.threads_of(self._catalog.saved(), self.clock())

    def _of(self, agent_id: str | None, thread_id: str) -> list[Saved]:
        if thread_id != THREAD:
            return []
        return [s for s in self._catalog.saved() if agent_id in (None, s.record.agent_id)]

    def _known(self, agent_id: str | None, thread_id: str) -> list[Saved]:
        found = self._of(agent_id, thread_id)
        if not found:
            raise CheckpointNotFound(f"{self.path} has no thread {thread_id!r} of this agent")
        return found

    def _find(self, checkpoint_id: str) -> Saved:
        for saved in self._catalog.saved():
            if saved.record.id == checkpoint_id:
                return saved
        raise CheckpointNotFound(f"{self.path} has no checkpoint {checkpoint_id!r}")

    def _describe(self, head: Saved, lineage: list[Saved]) -> Head:
        count = sum(saved.record.agent_id == head.record.agent_id for saved in lineage)
        return lineages.describe_head(head, count, self._catalog.line(head).decode())

    def _line(self, checkpoint: Checkpoint) -> Line:
        saved = self._find(checkpoint.id)
        if saved.is_locked:
            raise no_key(saved.entry.place)
        line = self._catalog.line(saved)
        if checkpoint.sha256 not in (None, line.sha256):
            raise CorruptCheckpoint(
                f"{saved.entry.place} is not what it was when it was listed: its content changed",
                checkpoint_id=checkpoint.id,
            )
        return line


def _agent_by_folder(path: Path) -> str:
    names = [part for part in path.absolute().parts[1:] if part not in _GENERIC_FOLDERS]
    return names[-1] if names else "agent"
