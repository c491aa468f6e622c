"""The folder that CrewAI's JsonProvider writes, as Holdfast reads it and acts on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Self

from checkpoints.connectors.crewai.files.copying import CrewAICopier
from checkpoints.connectors.crewai.files.erasing import CrewAIEraser
from checkpoints.connectors.crewai.files.layout import STEPS, CrewAILayout
from checkpoints.connectors.crewai.names import new_id, why_no_branch
from checkpoints.connectors.crewai.planning import (
    FORK_IS_NEWEST,
    newest_is_elsewhere,
    require_agent,
    steps_since,
)
from checkpoints.connectors.crewai.writing import RESTAMPED
from checkpoints.connectors.documents import DocumentStore, Saved, utc_now
from checkpoints.connectors.documents.erasing import Eraser
from checkpoints.connectors.documents.threads import head_of
from checkpoints.errors import PlanRefused
from checkpoints.plans import ThreadErasure
from checkpoints.records import Checkpoint, RestorePlan
from checkpoints.stores.operable import Trash

_LEVELS = 8
_GENERIC_FOLDERS = frozenset({"checkpoints", ".checkpoints"})


class CrewAIFolderStore(DocumentStore):
    """Lists, reads, restores, forks, prunes and erases the checkpoints in a folder of CrewAI's.

    Its branches, which are folders, are threads. ``agent`` names the agent; unless given, the crew
    or flow in a checkpoint does, or else the folder. Raises PermanentStoreError when ``path`` is
    not a folder.
    """

    layout: CrewAILayout
    restamped_fields = RESTAMPED
    depth = _LEVELS

    def __init__(
        self,
        path: Path,
        *,
        url: str | None = None,
        agent: str | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.layout = CrewAILayout(agent or _agent_by_folder(path), is_named=agent is not None)
        super().__init__(path, url=url or f"crewai:///{path}", clock=clock)
        self._copier = CrewAICopier(catalog=self._catalog, layout=self.layout)

    def new_id(self, agent_id: str, thread_id: str) -> str:
        """Choose an id of the form that CrewAI gives its checkpoints."""
        return new_id(self.clock())

    def new_thread(self, origin: Saved, *, thread_id: str, agent_id: str | None) -> tuple[str, str]:
        """Return the agent, which the checkpoint itself names, and the branch."""
        require_agent(agent_id, origin.record.agent_id)
        why = why_no_branch(thread_id)
        if why:
            raise PlanRefused(f"{thread_id!r} cannot name a branch: {why}; nothing was written")
        return origin.record.agent_id, thread_id

    def require_free(self, origin: Saved, agent_id: str, thread_id: str) -> None:
        """Raise PlanRefused where there is a branch, or something else, of this name."""
        taken = any(saved.record.thread_id == thread_id for saved in self._catalog.saved())
        held = any(entry.subfolder == thread_id for entry in self._catalog.folder.entries())
        if taken or held or self._is_blocked(thread_id):
            raise PlanRefused(
                f"{thread_id!r} is in the folder already; nothing was written, choose another name"
            )

    def restore_warnings(self, target: Saved) -> Sequence[str]:
        """Say so where CrewAI resumes another branch by itself."""
        last = max(self._catalog.saved(), key=lambda item: item.entry.stamp.modified_ns)
        if last.record.thread_id == target.record.thread_id:
            return ()
        return (newest_is_elsewhere(last.record.thread_id),)

    def fork_warnings(self, origin: Saved, agent_id: str, thread_id: str) -> Sequence[str]:
        """Say that CrewAI resumes the fork until another branch saves."""
        return (FORK_IS_NEWEST,)

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what a restore would do now. Raises CorruptCheckpoint, PlanRefused."""
        plan = super().plan_restore(checkpoint)
        target = self._find(checkpoint.id, checkpoint.thread_id)
        head = head_of(self._of(plan.agent_id, plan.thread_id)) or target
        return replace(plan, rerun_steps=steps_since(target.facts[STEPS], head.facts[STEPS]))

    def eraser(self, erasure: ThreadErasure, trash: Trash | None) -> Eraser:
        """Return what carries out an erasure."""
        return CrewAIEraser(catalog=self._catalog, erasure=erasure, trash=trash)

    def copy_for_rehearsal(self, checkpoint: Checkpoint, folder: Path) -> Self:
        """Write the checkpoint's file and its head's into an empty folder, and open that."""
        copy = super().copy_for_rehearsal(checkpoint, folder)
        for entry in self._catalog.folder.entries():
            path = folder / entry.place
            if path.exists():
                os.utime(path, ns=(entry.stamp.modified_ns, entry.stamp.modified_ns))
        return copy

    def opened_at(self, folder: Path) -> Self:
        """Open another folder as this one is opened."""
        agent = self.layout.agent
        return type(self)(folder, url=self.url, agent=agent, clock=self.clock)

    def _is_blocked(self, branch: str) -> bool:
        """Say whether a file or a link lies where a branch's folder would be."""
        place = self.path
        for part in PurePosixPath(branch).parts:
            place = place / part
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                return True
        return False


def _agent_by_folder(path: Path) -> str:
    names = [part for part in path.absolute().parts[1:] if part not in _GENERIC_FOLDERS]
    return names[-1] if names else "agent"
