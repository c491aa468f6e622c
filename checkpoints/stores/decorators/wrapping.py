"""The base of stores that stand before another one: every call goes through one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from checkpoints.records import (
    Capabilities,
    Changes,
    Checkpoint,
    Directive,
    Draft,
    Finding,
    Head,
    JournalEntry,
    JournalName,
    Pin,
    Removal,
    RestorePlan,
    State,
    Thread,
)
from checkpoints.stores.base import Store

T = TypeVar("T")

OPTIONAL = (
    *("rebuild", "repair", "verify_deep"),
    *("plan_fork", "choose_fork_ids", "fork"),
    *("exempt", "needed_by", "remove", "trashed", "in_trash", "put_back", "purge"),
    *("erase_thread", "field_sizes", "space"),
)
"""What a store may offer besides; a store that wraps it offers the same."""


class WrappingStore:
    """Forwards everything to one store.

    Override ``_through`` to stand in the way of every call, or single methods to answer
    otherwise. ``url`` and ``capabilities`` are those of the store, and so is what it offers
    besides the protocol (repair, deep verification, forks, prunes). ``close()`` closes it.
    """

    url: str

    def __init__(self, store: Store) -> None:
        self._store = store
        self.url = store.url
        for name in OPTIONAL:
            if hasattr(store, name) and not hasattr(type(self), name):
                setattr(self, name, partial(self._offered, name))

    def _through(self, method: str, call: Callable[[Store], T]) -> T:
        """Carry out one call of the method so named; iterators arrive here as lists."""
        return call(self._store)

    def _offered(self, method: str, *values: Any, **named: Any) -> Any:
        def call(store: Store) -> Any:
            found = getattr(store, method)(*values, **named)
            return iter(list(found)) if isinstance(found, Iterator) else found

        return self._through(method, call)

    @property
    def capabilities(self) -> Capabilities:
        """What the wrapped store can do."""
        return self._through("capabilities", lambda store: store.capabilities)

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        yield from self._through("threads", lambda store: list(store.threads()))

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        return self._through(
            "history", lambda store: store.history(agent_id, thread_id, limit=limit)
        )

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record."""
        return self._through(
            "get",
            lambda store: store.get(checkpoint_id, thread_id=thread_id, namespace=namespace),
        )

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest."""
        return self._through("load", lambda store: store.load(checkpoint))

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping that decodes a field when it is asked for."""
        return self._through("fields", lambda store: store.fields(checkpoint))

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        return self._through("raw", lambda store: store.raw(checkpoint))

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        return self._through("head", lambda store: store.head(agent_id, thread_id))

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``."""
        return self._through("changes", lambda store: store.changes(cursor, limit=limit))

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        yield from self._through("verify", lambda store: list(store.verify()))

    def close(self) -> None:
        """Close the wrapped store."""
        self._through("close", lambda store: store.close())

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what restoring ``checkpoint`` would do now."""
        return self._through("plan_restore", lambda store: store.plan_restore(checkpoint))

    def choose_ids(self, plan: RestorePlan) -> tuple[str, ...]:
        """Choose the ids that the restore will write."""
        return self._through("choose_ids", lambda store: store.choose_ids(plan))

    def restore(
        self,
        plan: RestorePlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
        directive: Directive | None = None,
    ) -> Head:
        """Carry out the plan in one step, once per operation."""
        return self._through(
            "restore",
            lambda store: store.restore(
                plan,
                written_ids=written_ids,
                operation_id=operation_id,
                reason=reason,
                now=now,
                directive=directive,
            ),
        )

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in one step, before returning."""
        return self._through(
            "put", lambda store: store.put(draft, state, expected_head=expected_head)
        )

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        """Save a chain of one thread's checkpoints durably; the last becomes the head."""
        return self._through(
            "put_many", lambda store: store.put_many(drafts, expected_head=expected_head)
        )

    def set_head(
        self,
        checkpoint: Checkpoint,
        *,
        expected: str | None,
        now: datetime,
        operation_id: str | None = None,
        reason: str | None = None,
        directive: Directive | None = None,
    ) -> Head:
        """Move the head of the checkpoint's thread, if it still is ``expected``."""
        return self._through(
            "set_head",
            lambda store: store.set_head(
                checkpoint,
                expected=expected,
                now=now,
                operation_id=operation_id,
                reason=reason,
                directive=directive,
            ),
        )

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        return self._through("take_directive", lambda store: store.take_directive(head))

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention."""
        self._through("pin", lambda store: store.pin(checkpoint, reason=reason, now=now))

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        self._through("unpin", lambda store: store.unpin(checkpoint))

    def pins(self) -> list[Pin]:
        """Return all pins."""
        return self._through("pins", lambda store: store.pins())

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        return self._through("trash", lambda store: store.trash(checkpoints, now=now))

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        return self._through("untrash", lambda store: store.untrash(checkpoint_ids))

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed."""
        return self._through("sweep", lambda store: store.sweep(before=before))

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good, or all of it; return how many went."""
        return self._through(
            "erase", lambda store: store.erase(agent_id, thread_id, checkpoint_ids, now=now)
        )

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably, all or none; return how many of them are new."""
        return self._through("record", lambda store: store.record(entries, replace=replace))

    def entries(
        self,
        agent_id: str,
        thread_id: str,
        *,
        kind: str,
        prefix: str = "",
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """Return a thread's entries of one kind in the order of their keys."""
        return self._through(
            "entries",
            lambda store: store.entries(agent_id, thread_id, kind=kind, prefix=prefix, limit=limit),
        )

    def forget(self, agent_id: str, thread_id: str, *, kind: str, keys: Sequence[str]) -> int:
        """Delete journal entries for good; return how many there were."""
        return self._through(
            "forget", lambda store: store.forget(agent_id, thread_id, kind=kind, keys=keys)
        )

    def journals(
        self, agent_id: str | None = None, thread_id: str | None = None
    ) -> list[JournalName]:
        """Return which kinds of entries there are, of which threads."""
        return self._through("journals", lambda store: store.journals(agent_id, thread_id))
