"""Several agents as one: checkpoints that belong together, taken and restored together."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.errors import CheckpointError, CheckpointNotFound, PlanRefused
from checkpoints.identifiers import new_id
from checkpoints.manager.both import also_async
from checkpoints.manager.manager import CheckpointManager
from checkpoints.records import Checkpoint, JournalEntry

logger = logging.getLogger("checkpoints")

GROUP = "group"
PATIENCE_SECONDS = 60.0

Member = tuple[str, str]
"""An agent and its thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCheckpoint:
    """One consistent cut: the checkpoint of each member, by (agent, thread)."""

    id: str
    name: str | None
    created_at: datetime
    members: Mapping[Member, str]


class _Step:
    """A step that goes on, or went on; tasks that began within it may still know it."""

    def __init__(self, group: CheckpointGroup) -> None:
        self.group = group
        self.goes_on = True


_within: ContextVar[frozenset[_Step]] = ContextVar("steps_within", default=frozenset())
"""The steps within which this runs."""


class CheckpointGroup:
    """Checkpoints several agents as one consistent cut, and restores them together.

    No member saves while a cut is taken. Members that run in other threads wrap each of their
    steps in ``with group.step():``, so that a cut waits until all stand between two steps and no
    message between them is saved as sent but not received. The managers may save into different
    stores. A cut counts once every member's store has its entry; an unfinished one is never listed
    or restored.
    """

    def __init__(self, managers: Sequence[CheckpointManager]) -> None:
        self._managers = sorted(managers, key=_member)
        if len({_member(manager) for manager in managers}) < len(managers):
            raise ValueError("a group has each agent's thread once")
        if not managers:
            raise ValueError("a group has at least one member")
        self._changed = threading.Condition()
        self._working: set[_Step] = set()
        self._cutting = False

    @property
    def members(self) -> tuple[CheckpointManager, ...]:
        """The managers, in the order of their agents and threads."""
        return tuple(self._managers)

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Work on one step; a cut is taken before or after it, never within; steps may nest."""
        if any(step.group is self and step.goes_on for step in _within.get()):
            yield
            return
        with self._begun() as step:
            token = _within.set(_within.get() | {step})
            try:
                yield
            finally:
                _within.reset(token)

    @contextlib.contextmanager
    def _begun(self) -> Iterator[_Step]:
        step = _Step(self)
        with self._changed:
            self._changed.wait_for(lambda: not self._cutting)
            self._working.add(step)
        try:
            yield step
        finally:
            with self._changed:
                step.goes_on = False
                self._working.discard(step)
                self._changed.notify_all()

    @also_async
    def checkpoint(
        self, name: str | None = None, *, timeout: float = PATIENCE_SECONDS
    ) -> GroupCheckpoint:
        """Save all members as one cut.

        Waits at most ``timeout`` seconds for steps that go on; then raises CheckpointError with
        nothing saved. When a member cannot save, its error is raised and the cut does not count;
        checkpoints of the others stay in their threads.
        """
        group_id = new_id()
        with self._quiet(timeout), self._locked():
            states = [manager.captured_state() for manager in self._managers]
            saved = [
                manager.create_checkpoint(state=state, metadata={"group": group_id})
                for manager, state in zip(self._managers, states, strict=True)
            ]
            for manager in self._managers:
                manager.flush()
            return self._recorded(group_id, name, saved)

    @also_async
    def history(self) -> list[GroupCheckpoint]:
        """Return the cuts of exactly these members that can be restored, oldest first.

        A cut of which a member has no entry, or no longer the checkpoint, is left out.
        """
        whose = {_member(manager) for manager in self._managers}
        first, *others = [_cuts(manager) for manager in self._managers]
        common = [cut for key, cut in first.items() if all(key in other for other in others)]
        return [cut for cut in common if cut.members.keys() == whose]

    @also_async
    def restore(
        self, group_id: str, *, timeout: float = PATIENCE_SECONDS
    ) -> dict[Member, dict[str, Any]]:
        """Make a cut the head of every member, or of none; return their states.

        Every state is loaded, and brought up to its member's schema, before the first head moves.
        When a head cannot be moved, those that were go back to where they stood, and the error is
        raised. When a member cannot take its state, the others do, and then its error is raised:
        its ``resume()`` brings that state again.
        """
        with self._quiet(timeout), self._locked():
            cut = self._cut(group_id)
            ready = [(m, *m.readied(cut.members[_member(m)])) for m in self._managers]
            self._move_heads(cut)
            with ExitStack() as stack:
                for manager, record, state in reversed(ready):
                    stack.callback(manager.take_back, record, state)
            return {_member(manager): state for manager, _, state in ready}

    def _cut(self, group_id: str) -> GroupCheckpoint:
        for cut in self.history():
            if cut.id == group_id:
                return cut
        raise CheckpointNotFound(
            f"no cut {group_id!r} that all {len(self._managers)} members have; nothing was changed"
        )

    def _move_heads(self, cut: GroupCheckpoint) -> None:
        with ExitStack() as undoing:
            for manager in self._managers:
                target = cut.members[_member(manager)]
                before = manager.get_head_id()
                if before is not None and before != target:
                    undoing.callback(_move_back, manager, before, target)
                manager.move_head(target, reason=f"cut {cut.id}")
            undoing.pop_all()

    @contextlib.contextmanager
    def _quiet(self, timeout: float) -> Iterator[None]:
        """Keep steps from beginning, and wait for those that go on."""
        until = time.monotonic() + timeout
        mine = False
        try:
            with self._changed:
                if not self._changed.wait_for(lambda: not self._cutting, timeout):
                    raise PlanRefused(f"another cut goes on after {timeout:g} s; try it again")
                mine = self._cutting = True
                self._changed.wait_for(lambda: not self._working, until - time.monotonic())
                self._require_quiet(timeout)
            yield
        finally:
            if mine:
                self._cut_ended()

    def _require_quiet(self, timeout: float) -> None:
        if self._working:
            raise PlanRefused(
                f"{len(self._working)} steps still go on after {timeout:g} s; nothing was changed. "
                "Do it outside of step(), or wait longer"
            )

    def _cut_ended(self) -> None:
        with self._changed:
            self._cutting = False
            self._changed.notify_all()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold every manager, in one order for all groups; call hooks when all are let go."""
        with ExitStack() as stack:
            for manager in self._managers:
                stack.enter_context(manager.held())
                manager.refuse_in_batch("a group's cut")
            yield
        for manager in self._managers:
            manager.tell()

    def _recorded(
        self, group_id: str, name: str | None, saved: Sequence[Checkpoint]
    ) -> GroupCheckpoint:
        members = {(each.agent_id, each.thread_id): each.id for each in saved}
        cut = GroupCheckpoint(
            id=group_id, name=name, created_at=saved[0].created_at, members=members
        )
        for manager, checkpoint in zip(self._managers, saved, strict=True):
            manager.store.record([_entry(cut, checkpoint)])
        return cut


def _member(manager: CheckpointManager) -> Member:
    return manager.agent_id, manager.thread_id


def _entry(cut: GroupCheckpoint, own: Checkpoint) -> JournalEntry:
    members = [[agent, thread, pk] for (agent, thread), pk in cut.members.items()]
    return JournalEntry(
        agent_id=own.agent_id,
        thread_id=own.thread_id,
        kind=GROUP,
        key=cut.id,
        recorded_at=cut.created_at,
        checkpoint_id=own.id,
        data={"name": cut.name, "members": members},
    )


def _cuts(manager: CheckpointManager) -> dict[str, GroupCheckpoint]:
    """Return the cuts of which a member has the entry and the checkpoint."""
    entries = manager.store.entries(manager.agent_id, manager.thread_id, kind=GROUP)
    kept = {record.id for record in manager.history()} if entries else set()
    return {entry.key: _cut_of(entry) for entry in entries if entry.checkpoint_id in kept}


def _cut_of(entry: JournalEntry) -> GroupCheckpoint:
    return GroupCheckpoint(
        id=entry.key,
        name=entry.data["name"],
        created_at=entry.recorded_at,
        members={(agent, thread): pk for agent, thread, pk in entry.data["members"]},
    )


def _move_back(manager: CheckpointManager, before: str, target: str) -> None:
    """Take a move back, also one of which no answer came; an error here masks no other."""
    why = "another member of the group could not be restored"
    try:
        manager.put_head_back(before, expected=target, reason=why)
    except CheckpointError as error:
        agent, thread = _member(manager)
        logger.error("the head of %r/%r stays at %s: %s", agent, thread, target, error)
