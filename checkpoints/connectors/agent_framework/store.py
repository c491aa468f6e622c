"""The folder that Agent Framework's FileCheckpointStorage writes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from checkpoints.connectors.agent_framework.layout import WorkflowLayout
from checkpoints.connectors.documents import DocumentStore, Saved, utc_now
from checkpoints.connectors.documents.leftovers import FieldEraser
from checkpoints.connectors.documents.threads import head_of
from checkpoints.errors import PlanRefused
from checkpoints.plans import ThreadErasure
from checkpoints.records import Checkpoint, RestorePlan
from checkpoints.stores.operable import Trash

_GENERIC_FOLDERS = frozenset({"checkpoints", "checkpoint", "state", "states", "storage", "data"})
_LONGEST_NAME = 200


class AgentFrameworkStore(DocumentStore):
    """Lists, reads, restores, forks, prunes and erases the checkpoints of workflows.

    A thread is a workflow's name; ``agent`` names the agent of them all, else the folder does.
    Raises PermanentStoreError when ``path`` is not a folder. ``clock`` gives the present time.
    """

    layout: WorkflowLayout

    def __init__(
        self,
        path: Path,
        *,
        url: str | None = None,
        agent: str | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.layout = WorkflowLayout(agent or _agent_by_folder(path))
        super().__init__(path, url=url or f"agent-framework:///{path}", clock=clock)

    def new_id(self, agent_id: str, thread_id: str) -> str:
        """Choose an id of the form that the framework gives its checkpoints."""
        return str(uuid.uuid4())

    def new_thread(self, origin: Saved, *, thread_id: str, agent_id: str | None) -> tuple[str, str]:
        """Return the workflow that a fork begins. Raises PlanRefused."""
        own = origin.record.agent_id
        if agent_id not in (None, own):
            raise PlanRefused(
                f"all workflows in a folder are {own}'s: name the new workflow, not an agent"
            )
        return own, thread_id

    def require_free(self, origin: Saved, agent_id: str, thread_id: str) -> None:
        """Raise PlanRefused where a fork of this name cannot be."""
        if self._of(None, thread_id):
            raise PlanRefused(
                f"{thread_id!r} has checkpoints already; nothing was written, choose another name"
            )
        if not thread_id.strip() or not thread_id.isprintable() or len(thread_id) > _LONGEST_NAME:
            raise PlanRefused(f"{thread_id!r} cannot name a workflow; nothing was written")

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what a restore would do now. Raises CorruptCheckpoint, PlanRefused."""
        plan = super().plan_restore(checkpoint)
        self._require_comparable(plan.thread_id)
        return plan

    def restore_warnings(self, target: Saved) -> Sequence[str]:
        """Return what should be known before a restore."""
        return tuple(self._warnings(target))

    def fork_warnings(self, origin: Saved, agent_id: str, thread_id: str) -> Sequence[str]:
        """Return what should be known before a fork."""
        return (
            f"the framework finds the fork by its name: build the workflow with name={thread_id!r}",
            *_asked_again(origin),
        )

    def eraser(self, erasure: ThreadErasure, trash: Trash | None) -> FieldEraser:
        """Return what carries out an erasure."""
        return FieldEraser(
            catalog=self._catalog,
            erasure=erasure,
            trash=trash,
            id_field="checkpoint_id",
            owner_field="workflow_name",
            owner=erasure.thread_id,
        )

    def opened_at(self, folder: Path) -> Self:
        """Open another folder as this one is opened."""
        return type(self)(folder, url=self.url, agent=self.layout.agent_id, clock=self.clock)

    def _warnings(self, target: Saved) -> Iterator[str]:
        yield from _asked_again(target)
        head = head_of(self._of(None, target.record.thread_id))
        if head and head.facts["graph"] != target.facts["graph"]:
            yield (
                "the workflow's graph has changed since: the framework refuses this checkpoint "
                "until the workflow is built as it was then"
            )

    def _require_comparable(self, thread_id: str) -> None:
        """Refuse where one time of a workflow keeps the framework from finding its latest."""
        for saved in self._of(None, thread_id):
            if saved.facts["is_naive"] or not saved.facts["is_timed"]:
                raise PlanRefused(
                    f"while {saved.entry.place} has a timestamp without a time zone, or none, the "
                    "framework finds no latest checkpoint of this workflow; mend or move that "
                    "file first"
                )


def _asked_again(saved: Saved) -> Iterator[str]:
    if saved.facts["requests"]:
        yield f"{saved.facts['requests']} requests for information are asked again"


def _agent_by_folder(path: Path) -> str:
    names = [part for part in path.absolute().parts[1:] if part not in _GENERIC_FOLDERS]
    return names[-1] if names else "agent"
