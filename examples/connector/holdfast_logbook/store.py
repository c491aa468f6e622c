"""The folder that Logbook writes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from checkpoints import PlanRefused, ThreadErasure, Trash
from checkpoints.connectors.documents import DocumentStore, Saved, utc_now
from checkpoints.connectors.documents.leftovers import FieldEraser
from holdfast_logbook.layout import LogbookLayout


class LogbookStore(DocumentStore):
    """Lists, reads, restores, forks, prunes and erases the pages in a folder of Logbook's.

    Raises PermanentStoreError when ``path`` is not a folder. ``clock`` gives the present time.
    """

    def __init__(
        self, path: Path, *, url: str | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.layout = LogbookLayout()
        super().__init__(path, url=url or f"logbook:///{path}", clock=clock)

    def new_id(self, agent_id: str, thread_id: str) -> str:
        """Choose the name of a page that an operation writes."""
        return f"{agent_id} {thread_id} {secrets.token_hex(6)}".replace("/", "-")

    def new_thread(self, origin: Saved, *, thread_id: str, agent_id: str | None) -> tuple[str, str]:
        """Return the book and the chapter that a fork begins."""
        return agent_id or origin.record.agent_id, thread_id

    def require_free(self, origin: Saved, agent_id: str, thread_id: str) -> None:
        """Raise PlanRefused where a fork of this name cannot be."""
        if self._of(agent_id, thread_id):
            raise PlanRefused(
                f"{agent_id} has a chapter {thread_id!r} already; nothing was written"
            )

    def eraser(self, erasure: ThreadErasure, trash: Trash | None) -> FieldEraser:
        """Return what carries out an erasure."""
        return FieldEraser(
            catalog=self._catalog,
            erasure=erasure,
            trash=trash,
            id_field="id",
            owner_field="chapter",
            owner=erasure.thread_id,
        )
