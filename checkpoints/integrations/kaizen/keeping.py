"""Keeping AgentStates in a store so that Kaizen finds what its own storage would have given.

The thread's head is what Kaizen resumes from: the checkpoint with the newest timestamp, unless
somebody restored another one. A state that is saved with an older timestamp than the head's (a
fork, a late save) is kept beside it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from kaizen.core.autonomy.state import CheckpointMetadata

from checkpoints.errors import HeadMoved, PlanRefused
from checkpoints.identifiers import new_id
from checkpoints.integrations.kaizen.catalog import Catalog
from checkpoints.integrations.kaizen.leading import Heads
from checkpoints.integrations.kaizen.states import (
    MARK,
    Content,
    Place,
    Saved,
    draft_of,
    marks_of,
    moment_of,
)
from checkpoints.records import Checkpoint, Draft, Head
from checkpoints.reporting import Reporter
from checkpoints.stores.base import Store
from checkpoints.stores.urls import absolute_url

GENERIC_AGENT = "autonomous_agent"
"""The agent id that Kaizen's own agents all save under."""

MAX_TRIES = 1000
"""Saves of others that may come first; each of them means that somebody went on."""

_PLAIN_ID = re.compile(r"[\w.-]{1,100}", re.ASCII)


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class Keeper:
    """Does for one storage what may block. Safe for threads.

    ``agent`` names the agent whose states say ``autonomous_agent`` or nothing. ``reporter`` tells
    a dashboard of each save.
    """

    def __init__(
        self,
        store: Store,
        *,
        agent: str | None,
        thread: str,
        reporter: Reporter | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.store = store
        self._reporter = reporter
        self._agent = agent or GENERIC_AGENT
        self._thread = thread
        self._clock = clock
        self._run_id = new_id()
        self._lock = threading.RLock()
        self._catalog = Catalog(store, lambda saved: saved.place == self._of(saved.metadata))
        self._heads = Heads(store, clock)

    def place(self, agent_id: str) -> Place:
        """Return where the checkpoints of one of Kaizen's agents lie."""
        name = self._agent if agent_id in ("", GENERIC_AGENT) else agent_id
        return Place(agent_id=name, thread_id=self._thread)

    def _of(self, metadata: CheckpointMetadata) -> Place:
        return self.place(metadata.agent_id)

    def save(self, content: Content) -> str:
        """Keep a state durably and return its Kaizen id. Whoever saves at the same time waits.

        Raises HeadMoved when somebody restored a checkpoint since this storage last saved or
        resumed, and what the store raises.
        """
        place = self.place(content["agent_id"])
        with self._lock:
            for _ in range(MAX_TRIES):
                self._catalog.refresh()
                head = self.store.head(place.agent_id, place.thread_id)
                draft = self._draft(content, place, head)
                if not draft.metadata[MARK]["beside"]:
                    self._heads.refuse_stale(place, head)
                with suppress(HeadMoved):
                    self._save_after(head, draft, content)
                    return str(content["checkpoint_id"])
        raise HeadMoved(
            f"others saved {MAX_TRIES} times before this one could; nothing was saved",
            expected=None,
            actual=None,
        )

    def load(self, kaizen_id: str) -> Content:
        """Return the last state saved under an id. Raises FileNotFoundError, CorruptCheckpoint."""
        with self._lock:
            saved = self._existing(kaizen_id)[-1]
            head = self.store.head(saved.place.agent_id, saved.place.thread_id)
            current = self._catalog.standing(head)
            if head is None or current is None or current.kaizen_id != kaizen_id:
                return self.store.load(saved.record)
            content: Content = self.store.load(current.record)
            self._heads.seen(head)
            return self._with_directive(content, head)

    def listing(self, agent_id: str | None) -> list[CheckpointMetadata]:
        """Return what Kaizen lists, newest first; of all agents without an ``agent_id``."""
        with self._lock:
            self._catalog.refresh()
            if agent_id:
                return self._listing(agent_id)
            found = [one for agent in self._catalog.agents() for one in self._listing(agent)]
        return sorted(found, key=lambda one: moment_of(one.timestamp), reverse=True)

    def exists(self, kaizen_id: str) -> bool:
        """Say whether anything is kept under an id."""
        with self._lock:
            self._catalog.refresh()
            return bool(self._catalog.revisions(kaizen_id))

    def delete(self, kaizen_id: str) -> None:
        """Erase everything saved under an id.

        Raises FileNotFoundError when there is nothing, PermissionError when it is pinned.
        """
        with self._lock:
            revisions = self._existing(kaizen_id)
            self._refuse_pinned(revisions)
            for place in {saved.place for saved in revisions}:
                self._erase(place, [one for one in revisions if one.place == place])

    def _erase(self, place: Place, saves: list[Saved]) -> None:
        """Erase saves of one thread; what was newest before them is resumed from next."""
        before = self.store.head(place.agent_id, place.thread_id)
        ids = [saved.record.id for saved in saves]
        self.store.erase(place.agent_id, place.thread_id, ids, now=self._clock())
        for checkpoint_id in ids:
            self._catalog.drop(checkpoint_id)
        after = self.store.head(place.agent_id, place.thread_id)
        if before and after and before.checkpoint_id in ids and before.operation_id is None:
            newest = self._catalog.newest(saves[-1].metadata.agent_id)
            self._heads.lead_with(newest, instead_of=after.checkpoint_id)

    def _existing(self, kaizen_id: str) -> list[Saved]:
        self._catalog.refresh()
        revisions = self._catalog.revisions(kaizen_id)
        if not revisions:
            raise FileNotFoundError(f"Checkpoint not found: {kaizen_id}")
        return revisions

    def _listing(self, agent_id: str) -> list[CheckpointMetadata]:
        place = self.place(agent_id)
        head = self.store.head(place.agent_id, place.thread_id)
        return self._catalog.newest_first(agent_id, self._catalog.standing(head))

    def _save_after(self, head: Head | None, draft: Draft, content: Content) -> None:
        """Save behind a head, or beside it. Raises HeadMoved when somebody else came first."""
        current = self._catalog.standing(head)
        record = self._put(draft, content, head)
        self._catalog.add(record)
        place = Place(agent_id=draft.agent_id, thread_id=draft.thread_id)
        if head and current and draft.metadata[MARK]["beside"]:
            self._heads.lead_again(current, head, record)
        else:
            self._heads.moved_to(place, head.version + 1 if head else 1)
            self._leave_overwritten(current, record, content)
        if self._reporter is not None:
            head = self.store.head(place.agent_id, place.thread_id)
            self._reporter.report(absolute_url(self.store.url), record, head)

    def _leave_overwritten(
        self, current: Saved | None, record: Checkpoint, content: Content
    ) -> None:
        """Where an older state took the place of the newest one, lead with what is newest now."""
        if current is None or current.kaizen_id != content["checkpoint_id"]:
            return
        if record.created_at < current.moment:
            newest = self._catalog.newest(content["agent_id"])
            self._heads.lead_with(newest, instead_of=record.id)

    def close(self) -> None:
        """Send what waits for the dashboard, for a moment, and let go of the store."""
        if self._reporter is not None:
            self._reporter.close()
        self.store.close()

    def _draft(self, content: Content, place: Place, head: Head | None) -> Draft:
        current = self._catalog.standing(head)
        kaizen_id = content["checkpoint_id"]
        known = self._catalog.revisions(kaizen_id)
        as_given = not known and isinstance(kaizen_id, str) and _PLAIN_ID.fullmatch(kaizen_id)
        draft = draft_of(
            content, place, checkpoint_id=kaizen_id if as_given else new_id(), run_id=self._run_id
        )
        is_older = (
            current is not None
            and draft.created_at < current.moment
            and current.kaizen_id != kaizen_id
        )
        marks = marks_of(
            content,
            revision=known[-1].revision + 1 if known else 1,
            beside=current.record.id if current and is_older else None,
        )
        parent = self._parent(content, place) or (head.checkpoint_id if head else None)
        return replace(draft, parent_id=parent, metadata={**draft.metadata, MARK: marks})

    def _parent(self, content: Content, place: Place) -> str | None:
        """Return the checkpoint that a fork names as its origin, if it lies in the same thread."""
        origins = self._catalog.revisions(content["parent_checkpoint_id"] or "")
        return origins[-1].record.id if origins and origins[-1].place == place else None

    def _put(self, draft: Draft, content: Content, head: Head | None) -> Checkpoint:
        expected = head.checkpoint_id if head else None
        try:
            return self.store.put(draft, content, expected_head=expected)
        except PlanRefused:  # another thread or the trash has a checkpoint of this id
            return self.store.put(replace(draft, id=new_id()), content, expected_head=expected)

    def _refuse_pinned(self, revisions: list[Saved]) -> None:
        ids = {saved.record.id for saved in revisions}
        for pin in self.store.pins():
            if pin.checkpoint_id in ids:
                raise PermissionError(
                    f"{pin.checkpoint_id} is pinned ({pin.reason}); nothing was deleted, unpin it "
                    "first"
                )

    def _with_directive(self, content: Content, head: Head) -> Content:
        """Hand a directive that was left with the head to the agent, in its metadata, once."""
        directive = self.store.take_directive(head)
        if directive is None:
            return content
        told = {"strategy": str(directive.strategy), "parameters": dict(directive.parameters)}
        return {**content, "metadata": {**content["metadata"], "directive": told}}
