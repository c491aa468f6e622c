"""A folder of documents that others write, as Holdfast reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checkpoints.connectors.documents import threads as lineages
from checkpoints.connectors.documents.catalog import Catalog, Layout, Saved, digest, finding
from checkpoints.connectors.documents.changes import Follower
from checkpoints.connectors.documents.folder import Folder
from checkpoints.connectors.documents.threads import Name
from checkpoints.errors import (
    AmbiguousReference,
    CheckpointNotFound,
    CorruptCheckpoint,
    PlanRefused,
)
from checkpoints.measures import FieldSize, Space
from checkpoints.records import Capabilities, Changes, Checkpoint, Finding, Head, Thread
from checkpoints.stores.measuring import FieldSums

ACTS = ("restore", "fork", "edit", "prune", "erase")
AHEAD = timedelta(minutes=5)
"""A time that lies further ahead than this is a finding."""


class DocumentReading:
    """Lists and reads the checkpoints in a folder. A connector gives the layout of its files.

    Raises PermanentStoreError when ``path`` is not a folder. ``clock`` gives the present time.
    """

    layout: Layout
    depth = 0

    def __init__(self, path: Path, *, url: str, clock: Callable[[], datetime]) -> None:
        self.path = path
        self.url = url
        self.clock = clock
        self._catalog = Catalog(Folder(path, depth=self.depth), self.layout)

    @property
    def capabilities(self) -> Capabilities:
        """What can be done with this folder, with the reason for each thing that cannot."""
        reasons = self.reasons_against()
        return Capabilities(
            **{act: act not in reasons for act in ACTS},
            reasons=reasons,
        )

    def reasons_against(self) -> dict[str, str]:
        """Return the reason for each act that the folder could not take now."""
        if os.access(self.path, os.W_OK | os.X_OK):
            return {}
        return dict.fromkeys(ACTS, "the folder is read-only for this user")

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        oldest = datetime.min.replace(tzinfo=UTC)
        found = self._threads().values()
        yield from sorted(found, key=lambda thread: thread.updated_at or oldest, reverse=True)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first."""
        found = lineages.newest_first(self._known(agent_id, thread_id))
        return [saved.record for saved in found[:limit]]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record. Raises CheckpointNotFound, AmbiguousReference."""
        if namespace not in (None, ""):
            raise CheckpointNotFound(f"{self.layout.framework} has no namespaces")
        return self._find(checkpoint_id, thread_id).record

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return the state. Raises CorruptCheckpoint when it changed since it was listed."""
        saved, part = self._part(checkpoint)
        return self.layout.state(saved, part)

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        return self._catalog.part(self._located(checkpoint))

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the framework resumes this thread from: its newest that it can load."""
        lineage = self._of(agent_id, thread_id)
        head = lineages.head_of(lineage)
        return self._describe(head, lineage) if head else None

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written and what went after a cursor; a page is counted in files."""
        follower = Follower(catalog=self._catalog, threads=self._threads, now=self.clock())
        return follower.changes(cursor, limit=limit)

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        for content in self._catalog.read().values():
            yield from content.findings
        yield from self._catalog.duplicates()
        saved = self._catalog.saved()
        yield from self._ahead(saved)
        yield from self.layout.among(saved)

    def field_sizes(self, agent_id: str | None, thread_id: str) -> Iterator[FieldSize]:
        """Yield what each field of a thread's states takes as JSON, largest first."""
        sums = FieldSums()
        for saved in self._known(agent_id, thread_id):
            with suppress(CorruptCheckpoint, CheckpointNotFound):
                state = self.layout.state(saved, self._catalog.part(saved))
                sums.add({name: _json_size(value) for name, value in state.items()})
        return sums.largest_first()

    def space(self) -> Space:
        """Return what the folder's files take; what interrupted saves left is orphaned."""
        sizes = {entry.place: entry.stamp.size for entry in self._catalog.entries()}
        names = (entry for entry in self._catalog.entries())
        left = sum(e.stamp.size for e in names if not self.layout.is_checkpoint(e.name))
        return Space(stored=sum(sizes.values()), free=0, orphaned=left)

    def close(self) -> None:
        """Let go of nothing: files are open only while they are read."""

    def _ahead(self, saved: list[Saved]) -> Iterator[Finding]:
        latest = self.clock() + AHEAD
        for item in saved:
            if item.record.created_at > latest:
                at = item.record.created_at.isoformat()
                message = f"{item.entry.place} is dated {at}, which is yet to come"
                yield finding("future_id", message, item.record)

    def _require(self, act: str) -> None:
        reason = self.capabilities.reasons.get(act)
        if reason:
            raise PlanRefused(f"{self.path}: {reason}; nothing was written")

    def _threads(self) -> Mapping[Name, Thread]:
        return lineages.threads_of(self._catalog.saved(), self.clock())

    def _of(self, agent_id: str | None, thread_id: str) -> list[Saved]:
        return [
            saved
            for saved in self._catalog.saved()
            if saved.record.thread_id == thread_id and agent_id in (None, saved.record.agent_id)
        ]

    def _known(self, agent_id: str | None, thread_id: str) -> list[Saved]:
        found = self._of(agent_id, thread_id)
        if not found:
            raise CheckpointNotFound(f"{self.path} has no thread {thread_id!r} of this agent")
        return found

    def _located(self, checkpoint: Checkpoint) -> Saved:
        """Return where a checkpoint lies, without what it has only among the others."""
        found = self._catalog.direct(checkpoint.id, checkpoint.thread_id)
        return found or self._find(checkpoint.id, checkpoint.thread_id)

    def _find(self, checkpoint_id: str, thread_id: str | None = None) -> Saved:
        found = [
            saved
            for saved in self._catalog.saved()
            if saved.record.id == checkpoint_id and thread_id in (None, saved.record.thread_id)
        ]
        if not found:
            raise CheckpointNotFound(f"{self.path} has no checkpoint {checkpoint_id!r}")
        if len(found) > 1:
            names = ", ".join(sorted(saved.record.thread_id for saved in found))
            raise AmbiguousReference(f"{checkpoint_id!r} is in several threads: {names}")
        return found[0]

    def _describe(self, head: Saved, lineage: list[Saved]) -> Head:
        count = sum(saved.record.agent_id == head.record.agent_id for saved in lineage)
        return lineages.describe_head(head, count)

    def _part(self, checkpoint: Checkpoint) -> tuple[Saved, bytes]:
        """Read a checkpoint as it was listed. Raises CorruptCheckpoint, CheckpointNotFound."""
        saved = self._located(checkpoint)
        part = self._catalog.part(saved)
        if checkpoint.sha256 not in (None, digest(part)):
            raise CorruptCheckpoint(
                f"{saved.entry.place} is not what it was when it was listed: its content changed",
                checkpoint_id=checkpoint.id,
            )
        return saved, part


def _json_size(value: object) -> int:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))
