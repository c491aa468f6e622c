"""Copies among CrewAI's files, where a branch is a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import PurePosixPath

from checkpoints.connectors.documents import Saved
from checkpoints.connectors.documents.copying import Copier, Order
from checkpoints.connectors.documents.folder import FOLDER
from checkpoints.connectors.documents.publishing import (
    discard,
    locked,
    make_folder,
    temporary_name,
)
from checkpoints.errors import PermanentStoreError
from checkpoints.plans import ForkPlan


class CrewAICopier(Copier):
    """Writes copies, a fork's into a folder of its own."""

    def fork(self, plan: ForkPlan, order: Order, require: Callable[[], None]) -> str:
        """Carry out a fork, or find that it was done already; return the id of the copy.

        Raises CorruptCheckpoint, PlanRefused or StoreError, with nothing written but an empty
        folder.
        """
        with ExitStack() as stack:
            root = stack.enter_context(locked(self.catalog.folder, ""))
            lineage = self._of(plan.new_agent_id, plan.new_thread_id)
            done = self._done(root, lineage, order)
            if done:
                self._tidy(lineage, done)
                return done
            require()
            found, part = self._required(plan.targets[0], plan.thread_id)
            directory = _made(stack, root, plan.new_thread_id)
            self._write(directory, part, self._forked(found, plan, order), like=found)
            return order.written_id

    def _tidy(self, lineage: list[Saved], done: str) -> None:
        for saved in lineage:
            if saved.record.id == done:
                with self.catalog.folder.opened(saved.entry.subfolder) as directory:
                    discard(directory, temporary_name(saved.entry.name))


def _made(stack: ExitStack, root: int, branch: str) -> int:
    """Make a branch's folder, with those that it lies in, and give its descriptor."""
    directory = root
    for part in PurePosixPath(branch).parts:
        make_folder(directory, part)
        try:
            directory = os.open(part, FOLDER, dir_fd=directory)
        except OSError as error:
            raise PermanentStoreError(
                f"{branch} cannot be opened as a folder: {error.strerror}; nothing was written"
            ) from error
        stack.callback(os.close, directory)
    return directory
