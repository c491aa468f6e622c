"""Several agents as one: checkpoints that belong together, taken and restored together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.errors import CheckpointError, CheckpointNotFound, PlanRefused
from checkpoints.identifiers import new_id
from checkpoints.manager.both import also_async
from checkpoints.manager.manager import CheckpointManager
from checkpoints.records import Checkpoint, JournalEntry

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
        self._working = 0
        self._cutting = False

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Work on one step; a cut is taken before or after it, never within."""
        with self._changed:
            self._changed.wait_for(lambda: not self._cutting)
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
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
        """Return the cuts that every member has, oldest first."""
        first, *others = [_cuts(manager) for manager in self._managers]
        return [cut for key, cut in first.items() if all(key in other for other in others)]

    @also_async
    def restore(
        self, group_id: str, *, timeout: float = PATIENCE_SECONDS
    ) -> dict[Member, dict[str, Any]]:
        """Make a cut the head of every member, or of none; return their states.

        Every state is loaded before the first head moves. When a head cannot be moved, those that
        were go back to where they stood, and the error is raised.
        """
        with self._quiet(timeout), self._locked():
            cut = self._cut(group_id)
            for manager in self._managers:
                manager.load(cut.members[_member(manager)])
            self._move_heads(cut)
            return {
                _member(manager): manager.restore_checkpoint(cut.members[_member(manager)])
                for manager in self._managers
            }

    def _cut(self, group_id: str) -> GroupCheckpoint:
        for cut in self.history():
            if cut.id == group_id:
                return cut
        raise CheckpointNotFound(
            f"no cut {group_id!r} that all {len(self._managers)} members have; nothing was changed"
        )

    def _move_heads(self, cut: GroupCheckpoint) -> None:
        moved: list[tuple[CheckpointManager, str | None]] = []
        for manager in self._managers:
            try:
                before = manager.move_head(cut.members[_member(manager)], reason=f"cut {cut.id}")
            except CheckpointError:
                _move_back(moved)
                raise
            moved.append((manager, before))

    @contextlib.contextmanager
    def _quiet(self, timeout: float) -> Iterator[None]:
        """Keep steps from beginning, and wait for those that go on."""
        with self._changed:
            self._changed.wait_for(lambda: not self._cutting)
            self._cutting = True
            quiet = self._changed.wait_for(lambda: not self._working, timeout)
        try:
            if not quiet:
                raise PlanRefused(
                    f"{self._working} steps still go on after {timeout:g} s; nothing was saved. "
                    "Take the cut outside of step(), or wait longer"
                )
            yield
        finally:
            with self._changed:
                self._cutting = False
                self._changed.notify_all()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold every manager, in one order for all groups."""
        with ExitStack() as stack:
            for manager in self._managers:
                stack.enter_context(manager.held())
            yield

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
    entries = manager.store.entries(manager.agent_id, manager.thread_id, kind=GROUP)
    return {entry.key: _cut_of(entry) for entry in entries}


def _cut_of(entry: JournalEntry) -> GroupCheckpoint:
    return GroupCheckpoint(
        id=entry.key,
        name=entry.data["name"],
        created_at=entry.recorded_at,
        members={(agent, thread): pk for agent, thread, pk in entry.data["members"]},
    )


def _move_back(moved: Sequence[tuple[CheckpointManager, str | None]]) -> None:
    for manager, before in reversed(moved):
        if before is not None:
            manager.move_head(before, reason="another member of the group could not be restored")
