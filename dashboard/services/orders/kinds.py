"""What can be ordered. Numbers are those of the index's rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import checkpoints
from dashboard.models import Checkpoint, Operation, Thread, User
from dashboard.selectors.queries import BadWord
from dashboard.selectors.retention import Target
from dashboard.selectors.selections import MOST, select
from dashboard.services import operations, retention
from dashboard.services.operations import PruneOf, Scope
from dashboard.services.orders.errors import OrderInvalid
from dashboard.services.orders.places import (
    find_checkpoint,
    find_checkpoints,
    find_scope,
    find_source,
    find_thread,
)

SELECTED = "selected by hand"
MOST_SAID = 200


class Order(Protocol):
    """Something that can be planned."""

    def draft(self, *, user: User, idempotency_key: str, now: datetime) -> Operation:
        """Plan it. Raises NotFound, Forbidden, OrderInvalid, OperationRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """Make an earlier checkpoint what the next run resumes from."""

    checkpoint: int
    follow_live: bool = False

    def draft(self, *, user: User, idempotency_key: str, now: datetime) -> Operation:
        """Plan it."""
        return operations.draft_restore(
            user=user,
            checkpoint_pk=find_checkpoint(user, self.checkpoint).pk,
            idempotency_key=idempotency_key,
            now=now,
            follow_live=self.follow_live,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkOrder:
    """Begin a new thread at a checkpoint, of another agent or with another state if that is said.

    ``thread_id`` and ``agent_id`` are the new thread's names.
    """

    checkpoint: int
    thread_id: str
    agent_id: str | None = None
    edits: tuple[checkpoints.Edit, ...] = ()

    def draft(self, *, user: User, idempotency_key: str, now: datetime) -> Operation:
        """Plan it."""
        return operations.draft_fork(
            user=user,
            checkpoint_pk=find_checkpoint(user, self.checkpoint).pk,
            thread_id=self.thread_id,
            agent_id=self.agent_id,
            edits=self.edits,
            idempotency_key=idempotency_key,
            now=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOrder:
    """Move to the trash what the policies that apply do not keep of a source, agent or thread.

    Or what this ``policy`` does not keep. Or a ``selection`` of checkpoints and nothing else; then
    the reach is theirs. Or what a ``query`` finds in one source.
    """

    source: int | None = None
    agent: int | None = None
    thread: int | None = None
    policy: checkpoints.RetentionPolicy | None = None
    selection: tuple[int, ...] = ()
    query: str = ""

    def draft(self, *, user: User, idempotency_key: str, now: datetime) -> Operation:
        """Plan it."""
        given = [self.policy is not None, bool(self.selection), bool(self.query)]
        if given.count(True) > 1:
            raise OrderInvalid("policy", "give one of 'policy', 'checkpoints' and 'query'")
        if not any(given):
            return self._by_the_policies(user, idempotency_key, now)
        scope, wanted = self._chosen(user, now)
        return operations.draft_prune(
            user=user,
            scope=scope,
            wanted=wanted,
            about=self._about(),
            idempotency_key=idempotency_key,
            now=now,
        )

    def _about(self) -> str:
        if self.query:
            return f"found by {self.query}"[:MOST_SAID]
        return "selection" if self.selection else "policy"

    def _chosen(self, user: User, now: datetime) -> tuple[Scope, Iterable[PruneOf]]:
        if self.query:
            return self._found(user, now)
        return self._selected(user) if self.selection else self._by_policy(user)

    def _by_the_policies(self, user: User, idempotency_key: str, now: datetime) -> Operation:
        scope = self._scope(user)
        target = Target(
            project=scope.source.project,
            source=scope.source,
            agent=scope.agent,
            thread=scope.thread,
        )
        return retention.draft_by_policies(
            user=user, target=target, idempotency_key=idempotency_key, now=now
        )

    def _scope(self, user: User) -> Scope:
        return find_scope(user, source=self.source, agent=self.agent, thread=self.thread)

    def _by_policy(self, user: User) -> tuple[Scope, Iterable[PruneOf]]:
        scope = self._scope(user)
        return scope, [PruneOf(thread=row, policy=self.policy) for row in scope.threads()]

    def _selected(self, user: User) -> tuple[Scope, Iterable[PruneOf]]:
        if (self.source, self.agent, self.thread) != (None, None, None):
            raise OrderInvalid("checkpoints", "say where they are already; leave the reach out")
        return _reaching(find_checkpoints(user, self.selection), SELECTED, "checkpoints")

    def _found(self, user: User, now: datetime) -> tuple[Scope, Iterable[PruneOf]]:
        if (self.agent, self.thread) != (None, None):
            raise OrderInvalid("query", "says itself of which agent or thread; name them in it")
        if self.source is not None:
            find_source(user, self.source)
        try:
            found = select(user=user, text=self.query, now=now, right="operate")
        except BadWord as error:
            raise OrderInvalid("query", str(error)) from error
        if found.more:
            raise OrderInvalid("query", f"finds more than {MOST:,} checkpoints; narrow it down")
        here = [one.pk for one in found.picked if self.source in (None, one.source_pk)]
        reason = f"found by {self.query}"
        return _reaching(find_checkpoints(user, here), reason, "query")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOrder:
    """Read a source through, and decode every state too when it is ``deep``."""

    source: int
    deep: bool = False

    def draft(self, *, user: User, idempotency_key: str, now: datetime) -> Operation:
        """Plan it."""
        return operations.draft_verify(
            user=user,
            source=find_source(user, self.source),
            deep=self.deep,
            idempotency_key=idempotency_key,
            now=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseOrder:
    """Erase for good what belongs to a run, to a user, or to a whole thread."""

    source: int | None = None
    run_id: str = ""
    user_id: str = ""
    agent_id: str = ""
    thread: int | None = None

    def draft(self, *, user: User, idempotency_key: str, now: datetime) -> Operation:
        """Plan it."""
        if [bool(self.run_id), bool(self.user_id), self.thread is not None].count(True) != 1:
            raise OrderInvalid("run_id", "give one of 'run_id', 'user_id' and 'thread'")
        scope, names = self._thread(user) if self.thread is not None else self._belonging(user)
        return operations.draft_erase(
            user=user, source=scope.source, idempotency_key=idempotency_key, now=now, **names
        )

    def _thread(self, user: User) -> tuple[Scope, Mapping[str, str]]:
        if self.source is not None or self.agent_id:
            raise OrderInvalid("thread", "says where it is already; leave the rest out")
        row = find_thread(user, self.thread or 0)
        names = {"agent_id": row.agent.agent_id, "thread_id": row.thread_id}
        return Scope(source=row.agent.source), names

    def _belonging(self, user: User) -> tuple[Scope, Mapping[str, str]]:
        if self.source is None:
            raise OrderInvalid("source", "say out of which source")
        given = {"run_id": self.run_id, "user_id": self.user_id, "agent_id": self.agent_id}
        names = {name: value for name, value in given.items() if value}
        return Scope(source=find_source(user, self.source)), names


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrder:
    """Delete for good what is due in a source's trash."""

    source: int

    def draft(self, *, user: User, idempotency_key: str, now: datetime) -> Operation:
        """Plan it."""
        return operations.draft_sweep(
            user=user,
            source=find_source(user, self.source),
            idempotency_key=idempotency_key,
            now=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOrder:
    """Take back what an operation did. It is planned as it is asked for, and never kept."""

    operation: UUID


def _reaching(
    rows: Iterable[Checkpoint], reason: str, field: str
) -> tuple[Scope, Iterable[PruneOf]]:
    """Return what removing checkpoints reaches, thread by thread. Raises OrderInvalid."""
    ids: dict[Thread, dict[str, str]] = defaultdict(dict)
    for row in rows:
        ids[row.thread][row.checkpoint_id] = reason
    wanted = [PruneOf(thread=thread, selected=selected) for thread, selected in ids.items()]
    return _common_scope([one.thread for one in wanted], field), wanted


def _common_scope(threads: list[Thread], field: str) -> Scope:
    """Return the narrowest reach that covers threads. Raises OrderInvalid but over one source."""
    sources = {row.agent.source for row in threads}
    agents = {row.agent for row in threads}
    if not sources:
        raise OrderInvalid(field, "finds nothing")
    if len(sources) > 1:
        raise OrderInvalid(field, "reaches into several sources; order for one at a time")
    return Scope(
        source=sources.pop(),
        agent=agents.pop() if len(agents) == 1 else None,
        thread=threads[0] if len(threads) == 1 else None,
    )
