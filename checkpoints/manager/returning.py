"""Going back and going on: resuming, restoring, and what an operator left for the agent."""

from __future__ import annotations

import contextlib
from contextvars import copy_context
from typing import Any

from checkpoints.errors import HeadMoved
from checkpoints.hooks import HookEvent
from checkpoints.manager.both import also_async
from checkpoints.manager.dashboard import APPLIED, is_restore
from checkpoints.manager.place import Standing
from checkpoints.manager.state import StateHolder
from checkpoints.manager.writing import ThreadWriter
from checkpoints.records import Checkpoint, Directive
from checkpoints.stores.heads import check_head


class Returning(StateHolder, ThreadWriter):
    """Puts states back into an agent. ``directive`` is the last instruction that it was given."""

    directive: Directive | None = None

    @also_async
    def resume(self) -> dict[str, Any] | None:
        """Load the head and go on from it; return its state, or None for a fresh thread.

        A directive that was left with the head stands in ``directive``; it is cleared once the
        state is back, so a process that dies before is given it again. Raises
        CorruptCheckpoint when the head cannot be read: an older state is never taken silently;
        SchemaMismatch when other code saved it.
        """
        with self._acting():
            self.refuse_in_batch("resuming")
            with contextlib.suppress(HeadMoved):
                self.flush()
            self._carry_out_restores(ask=True)
            before = self._stands
            self._stands = Standing()
            try:
                return self._resumed()
            except BaseException as error:
                self._resumes.failed(self._stands.now.head_id, error)
                self._stands, self.directive = before, None
                raise

    def _resumed(self) -> dict[str, Any] | None:
        self._look(again=True)
        head = self._stands.now.head
        if head is None:
            return None
        record = self._head_record(head.checkpoint_id)
        state = self._schema.brought_up(self._store.load(record), record)
        self.directive = head.directive
        self._put_back(state)
        self._store.take_directive(head)
        if self.directive is None:
            self._directive_from_dashboard()
        self._resumes.resumed(record.id)
        return state

    @also_async
    def restore_checkpoint(self, ref: Checkpoint | str) -> dict[str, Any]:
        """Make an earlier checkpoint of this agent the head, put its state back and return it.

        What came after it stays as a branch. The head moves first; should ``apply`` raise then,
        ``resume()`` brings the same state again. Raises CheckpointNotFound for a checkpoint of
        another agent or thread, CorruptCheckpoint, HeadMoved, SchemaMismatch.
        """
        with self._acting():
            record, state = self.readied(ref)
            self.move_head(record, reason="restored by its agent")
            self.take_back(record, state)
        return state

    def readied(self, ref: Checkpoint | str) -> tuple[Checkpoint, dict[str, Any]]:
        """Return a record and its state as a restore would put it back; change nothing."""
        record = self._own(ref)
        return record, self._schema.brought_up(self._store.load(record), record)

    def take_back(self, record: Checkpoint, state: dict[str, Any]) -> None:
        """Put the state of the head back into the agent, after the head was moved."""
        with self._acting():
            self._dashboard.saved(record, self._stands.now.head)
            self._teller.later(HookEvent.ON_RESTORE, record, copy_context(), soon=True)
            self._put_back(state)

    @also_async
    def next_directive(self) -> Directive | None:
        """Return an instruction that an operator left since the last look, once.

        Raises HeadMoved when the operator restored another checkpoint: ``resume()`` brings both.
        """
        with self._acting():
            self._look()
            self._carry_out_restores()
            head = self._settled_head()
            if not self._stands.may_be_at(head.checkpoint_id if head else None):
                check_head(head, self._stands.durable.head_id)
            if head is None or head.directive is None:
                return self._directive_from_dashboard()
            self.directive = self._store.take_directive(head)
        return self.directive

    def _directive_from_dashboard(self) -> Directive | None:
        """Take the oldest that came from a dashboard, where the store is not shared with it."""
        waiting = self._dashboard.waiting()
        given = next((each for each in waiting if not is_restore(each.directive)), None)
        if given is None:
            return None
        self.directive = given.directive
        self._dashboard.acknowledge(given, APPLIED, "the agent has it")
        return self.directive

    def _state_of_head(self) -> dict[str, Any]:
        """Return the state of the last durable checkpoint, empty for a fresh thread."""
        with self._acting():
            self._look()
            head_id = self._stands.durable.head_id
        return self.readied(head_id)[1] if head_id else {}
