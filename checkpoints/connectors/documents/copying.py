"""Copies of a checkpoint under a new name: a restore as the newest of its thread, a fork as the
first of a new one.

A copy is a new file, which appears whole or not at all and replaces none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.documents import threads
from checkpoints.connectors.documents.catalog import Catalog, Layout, Saved, digest
from checkpoints.connectors.documents.encoding import require_readable
from checkpoints.connectors.documents.publishing import (
    discard,
    locked,
    look_of,
    publish,
    temporary_name,
)
from checkpoints.errors import CorruptCheckpoint, HeadMoved, PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Checkpoint, Directive, RestorePlan, RestoreTarget

Marker = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Adds to a checkpoint's metadata what an operation leaves in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A checkpoint's copy that is about to be written, and whose it will be."""

    origin: Saved
    written_id: str
    agent_id: str
    thread_id: str
    created_at: datetime
    mark: Marker
    edits: tuple[Edit, ...] = ()


class WritableLayout(Layout):
    """A layout in which copies can be written.

    ``tolerance`` is how far ahead of the clock a head may be dated before the clock is wrong.
    """

    tolerance = timedelta(0)

    def copied(self, part: bytes, copy: Copy) -> bytes:
        """Return the bytes of a copy of others. Raises PlanRefused, Unreadable."""
        raise NotImplementedError

    def edited(self, part: bytes, edits: Sequence[Edit]) -> None:
        """Raise PlanRefused for edits that a copy could not take. Writes nothing."""
        raise NotImplementedError

    def file_name(self, written_id: str) -> str:
        """Return the name of the file of a checkpoint. Raises PlanRefused."""
        raise NotImplementedError

    def name_of(self, copy: Copy) -> str:
        """Return the name of a copy's file, where it says more than its id. Raises PlanRefused."""
        return self.file_name(copy.written_id)

    def dated(self, written_id: str, now: datetime) -> datetime:
        """Return the time that a copy gets. Raises PlanRefused."""
        return now


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A restore or a fork to be carried out. No copy may be dated later than ``latest``."""

    written_id: str
    operation_id: str
    reason: str
    now: datetime
    latest: datetime
    directive: Directive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copier:
    """Writes copies into a folder."""

    catalog: Catalog
    layout: WritableLayout

    def restore(self, plan: RestorePlan, order: Order) -> str:
        """Carry out a restore, or find that it was done already; return the id of the copy.

        Raises HeadMoved, CorruptCheckpoint, PlanRefused or StoreError, with nothing written.
        """
        head_id = plan.expected_head or ""
        where = _found(self.catalog.saved(), head_id, plan.thread_id)
        subfolder = where.entry.subfolder if where else ""
        with locked(self.catalog.folder, subfolder) as directory:
            lineage = self._of(plan.agent_id, plan.thread_id)
            done = self._done(directory, lineage, order)
            if done:
                return done
            head = _required_head(lineage, plan)
            origin, part = self._required(plan.targets[0], plan.thread_id)
            copy = self._restored(origin, plan, order)
            require_newest(head, copy.created_at)
            _require_present(copy, order.latest)
            self._write(directory, part, copy, like=head)
            return order.written_id

    def fork(self, plan: ForkPlan, order: Order, require: Callable[[], None]) -> str:
        """Carry out a fork, or find that it was done already; return the id of the copy.

        ``require`` raises PlanRefused where the new thread cannot be. Raises CorruptCheckpoint,
        PlanRefused or StoreError, with nothing written.
        """
        with ExitStack() as stack:
            origin = _found(self.catalog.saved(), plan.targets[0].checkpoint_id, plan.thread_id)
            subfolder = origin.entry.subfolder if origin else ""
            directory = stack.enter_context(locked(self.catalog.folder, subfolder))
            lineage = self._of(plan.new_agent_id, plan.new_thread_id)
            done = self._done(directory, lineage, order)
            if done:
                return done
            require()
            found, part = self._required(plan.targets[0], plan.thread_id)
            self._write(directory, part, self._forked(found, plan, order), like=found)
            return order.written_id

    def _restored(self, origin: Saved, plan: RestorePlan, order: Order) -> Copy:
        target = plan.targets[0]
        return Copy(
            origin=origin,
            written_id=order.written_id,
            agent_id=plan.agent_id,
            thread_id=plan.thread_id,
            created_at=self.layout.dated(order.written_id, order.now),
            mark=lambda metadata: marks.marked(
                metadata,
                restored_from=target.checkpoint_id,
                operation_id=order.operation_id,
                reason=order.reason,
                directive=order.directive,
            ),
        )

    def _forked(self, origin: Saved, plan: ForkPlan, order: Order) -> Copy:
        target = plan.targets[0]
        return Copy(
            origin=origin,
            written_id=order.written_id,
            agent_id=plan.new_agent_id,
            thread_id=plan.new_thread_id,
            created_at=self.layout.dated(order.written_id, order.now),
            edits=plan.edits,
            mark=lambda metadata: {
                **marks.forked(
                    metadata,
                    checkpoint_id=target.checkpoint_id,
                    thread_id=plan.thread_id,
                    operation_id=order.operation_id,
                    reason=order.reason,
                ),
                "forked_from_agent": plan.agent_id,
            },
        )

    def _required(self, target: RestoreTarget, thread_id: str) -> tuple[Saved, bytes]:
        """Return what a plan copies and its bytes. Raises CorruptCheckpoint if it has changed."""
        saved = _found(self.catalog.saved(), target.checkpoint_id, thread_id)
        part = self.catalog.part(saved) if saved and not saved.record.damage else None
        if saved is None or part is None or digest(part) != target.sha256:
            what = "is gone" if saved is None else "is not what it was when the plan was made"
            raise CorruptCheckpoint(
                f"the checkpoint {target.checkpoint_id} {what}; nothing was changed",
                checkpoint_id=target.checkpoint_id,
            )
        return saved, part

    def _write(self, directory: int, part: bytes, copy: Copy, *, like: Saved) -> None:
        content = self.layout.copied(part, copy)
        require_readable(content, limit=self.layout.max_bytes)
        with self.catalog.folder.opened(like.entry.subfolder) as beside:
            look = look_of(beside, like.entry.name)
        publish(directory, self.layout.name_of(copy), content, look)

    def _done(self, directory: int, lineage: Sequence[Saved], order: Order) -> str | None:
        """Return the id of what this operation wrote before, and tidy what it left."""
        found = [s for s in lineage if s.record.metadata.get(marks.OPERATION) == order.operation_id]
        if not found:
            return None
        named = next((s for s in found if s.record.id == order.written_id), None)
        done = named or min(found, key=lambda saved: saved.record.created_at)
        discard(directory, temporary_name(done.entry.name))
        return done.record.id

    def _of(self, agent_id: str, thread_id: str) -> list[Saved]:
        return [
            saved
            for saved in self.catalog.saved()
            if (saved.record.agent_id, saved.record.thread_id) == (agent_id, thread_id)
        ]


def require_newest(head: Saved, at: datetime) -> None:
    """Raise PlanRefused where a copy of this time would not be the newest."""
    if head.record.created_at >= at:
        raise PlanRefused(
            f"the clock is wrong: {head.entry.place} is dated {head.record.created_at}, which is "
            "not before now; nothing was changed: set the clock and try again"
        )


def _require_present(copy: Copy, latest: datetime) -> None:
    """Raise PlanRefused for a copy that had to be dated ahead to be the newest."""
    if copy.created_at > latest:
        raise PlanRefused(
            f"the clock is wrong: to be the newest the copy would be dated {copy.created_at}, "
            "which is yet to come; nothing was changed: set the clock and try again"
        )


def _found(saved: Sequence[Saved], checkpoint_id: str, thread_id: str) -> Saved | None:
    def fits(record: Checkpoint) -> bool:
        return (record.id, record.thread_id) == (checkpoint_id, thread_id)

    return next((item for item in saved if fits(item.record)), None)


def _required_head(lineage: Sequence[Saved], plan: RestorePlan) -> Saved:
    head = threads.head_of(lineage)
    actual = head.record.id if head else None
    if head is None or actual != plan.expected_head:
        raise HeadMoved(
            f"the head of {plan.agent_id} is {actual}, not {plan.expected_head}: the agent saved "
            "since the plan was made; nothing was changed",
            expected=plan.expected_head,
            actual=actual,
        )
    return head
