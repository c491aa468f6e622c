"""The folder that DreamOS's checkpoint managers write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from checkpoints.connectors.documents import DocumentStore, Saved, utc_now
from checkpoints.connectors.documents.threads import by_name, newest_first
from checkpoints.connectors.dreamos import names
from checkpoints.connectors.dreamos.erasing import DreamosEraser
from checkpoints.connectors.dreamos.layout import DreamosLayout
from checkpoints.connectors.dreamos.states import THREAD
from checkpoints.errors import PlanRefused
from checkpoints.plans import ThreadErasure
from checkpoints.stores.operable import Trash

_SECOND = timedelta(seconds=1)
_LONGEST_NAME = 200
_LATEST = datetime.max.replace(tzinfo=UTC) - 2 * _SECOND
_ASKED_FOR = (
    "the agent has it once it restores its newest routine checkpoint; files of its runtime are not "
    "touched before"
)
_ROUTINE = "its agent's newest routine checkpoint, which DreamOS restores unless told otherwise"


class DreamosStore(DocumentStore):
    """Lists, reads, restores, forks, prunes and erases the checkpoints of DreamOS agents.

    Each agent has one thread. ``path`` is the project, ``runtime/agent_comms`` in it or the folder
    of the checkpoints. Raises PermanentStoreError when it is not a folder. ``clock`` gives the
    present time.
    """

    layout: DreamosLayout

    def __init__(
        self, path: Path, *, url: str | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.layout = DreamosLayout()
        super().__init__(names.checkpoints_in(path), url=url or f"dreamos:///{path}", clock=clock)

    def new_id(self, agent_id: str, thread_id: str) -> str:
        """Choose a name in a second that is free, the one just past if it can be.

        Names tell seconds apart, and a save in one that is taken replaces the file: in a second
        that is past nobody saves any more.
        """
        taken = [
            min(moment, _LATEST).replace(microsecond=0)
            for saved in self._of(agent_id, THREAD)
            for moment in (saved.record.created_at, saved.facts["named_at"])
            if moment is not None
        ]
        past = self.clock().replace(microsecond=0) - _SECOND
        return names.stem_of(agent_id, max([past, *(moment + _SECOND for moment in taken)]))

    def new_thread(self, origin: Saved, *, thread_id: str, agent_id: str | None) -> tuple[str, str]:
        """Return the agent that a fork begins: each has one thread. Raises PlanRefused."""
        own = origin.record.agent_id
        given = None if agent_id in (None, own) else agent_id
        if given and thread_id != THREAD:
            raise PlanRefused(
                f"DreamOS keeps one thread for each agent, called {THREAD!r}: name the new agent "
                "or the new thread, not both"
            )
        return given or (own if thread_id == THREAD else thread_id), THREAD

    def require_free(self, origin: Saved, agent_id: str, thread_id: str) -> None:
        """Raise PlanRefused where a fork of this name cannot be.

        DreamOS finds an agent's files by how their names begin, and its retention deletes what it
        finds: of two agents whose names begin alike one loses its checkpoints.
        """
        bad = not agent_id.isprintable() or not agent_id.strip() or "/" in agent_id
        if bad or agent_id.startswith(".") or len(agent_id.encode()) > _LONGEST_NAME:
            raise PlanRefused(f"{agent_id!r} cannot name an agent; nothing was written")
        for other in {saved.record.agent_id for saved in self._catalog.saved()}:
            if other == agent_id:
                raise PlanRefused(
                    f"{agent_id!r} has checkpoints already; nothing was written, choose another "
                    "name"
                )
            if other.startswith(agent_id) or agent_id.startswith(other):
                raise PlanRefused(
                    f"DreamOS would take the checkpoints of {agent_id!r} and {other!r} for one "
                    "agent's and delete some, as one name begins with the other; nothing was "
                    "written, choose another name"
                )

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return what must stay: heads, branch points, and what DreamOS restores by itself."""
        kept = super().exempt(agent_id, thread_id)
        for lineage in by_name(self._of(agent_id, thread_id)).values():
            routine = (
                item.record.id
                for item in newest_first(lineage)
                if item.facts["type"] == names.ROUTINE and item.record.damage is None
            )
            newest = next(routine, None)
            if newest and newest not in kept:
                kept[newest] = _ROUTINE
        return kept

    def restore_warnings(self, target: Saved) -> Sequence[str]:
        """Return what should be known before a restore."""
        return (
            _ASKED_FOR,
            *_poisoned(target),
        )

    def fork_warnings(self, origin: Saved, agent_id: str, thread_id: str) -> Sequence[str]:
        """Return what should be known before a fork."""
        return (
            f"DreamOS finds the fork by its name: start it with the agent id {agent_id!r}",
            *_poisoned(origin),
        )

    def eraser(self, erasure: ThreadErasure, trash: Trash | None) -> DreamosEraser:
        """Return what carries out an erasure."""
        return DreamosEraser(catalog=self._catalog, erasure=erasure, trash=trash)

    def opened_at(self, folder: Path) -> Self:
        """Open another folder as this one is opened."""
        return type(self)(folder, url=self.url, clock=self.clock)


def _poisoned(saved: Saved) -> tuple[str, ...]:
    return () if saved.facts["memory"] else ("its memory is empty",)
