"""Saving elsewhere while a store is away, and bringing it home afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.bodies.states import encode_state
from checkpoints.errors import (
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    PlanRefused,
    StoreError,
)
from checkpoints.plans import ThreadPrune, ThreadPruned
from checkpoints.records import (
    Checkpoint,
    Directive,
    Draft,
    Finding,
    Head,
    State,
    Thread,
)
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.aside import Waiting, chain_of, following
from checkpoints.stores.decorators.elsewhere import Elsewhere
from checkpoints.stores.decorators.fallback_journal import JournalFallback
from checkpoints.stores.decorators.replaying import Replay
from checkpoints.stores.decorators.telling import Fallback, Listener, Watch
from checkpoints.stores.forks import ForksBySaving
from checkpoints.stores.heads import RestoresByHead, check_head, standing
from checkpoints.stores.operable import Trash
from checkpoints.stores.removals import ErasesForGood, PrunesToTrash, TrashKeeping


class FallbackStore(JournalFallback):
    """Saves into the primary, or into the first of the others that accepts while it cannot.

    A save goes elsewhere when the primary raises TransientStoreError or PermanentStoreError (busy,
    unreachable, full, forbidden); never for HeadMoved, UnsupportedState or PlanRefused. Before the
    next save of a thread goes to the primary, what the others hold of that thread is replayed
    there in order, each state read back and compared. ``replay()`` does so for all threads.

    Reads see both. While the primary cannot be read they see only what the others hold, and raise
    its error where they hold nothing. Of a head that it cannot read, a save takes the caller's
    word; the replay holds it against the primary's.

    When somebody moved the primary's head meanwhile, nothing is overwritten: what was saved
    elsewhere stays there as a branch, listed and loadable here, and the next save that follows it
    raises HeadMoved. It is not copied behind the other's head, because a save moves the head, and
    for that moment an agent could resume from the wrong one.

    Moving heads, pins and the trash need the primary. ``changes`` and ``pins`` are the primary's:
    they tell of what was saved elsewhere once it is replayed. Everything that a replay must know
    lies in the stores, so it can be broken off anywhere and be done by any process. Give the
    others to this purpose alone, each to one primary.

    Journal entries go elsewhere and come home in the same way; one that the primary holds already
    stays, unless the one that waits replaces it and is no older. ``entries`` needs all the stores:
    an effect that was done must not look undone because a store is away. So does ``forget``.

    ``on_fallback`` hears when the primary went away, and when it is back; what it raises is logged
    and changes nothing.
    """

    def __init__(
        self, primary: Store, *others: Store, on_fallback: Listener[Fallback] | None = None
    ) -> None:
        super().__init__(primary, others, Watch(on_fallback))
        self._elsewhere = Elsewhere(others)
        self._replay = Replay(primary, self._elsewhere)

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in the first store that accepts it.

        Raises StoreError instead of HeadMoved while a store that may hold the head is away.
        """
        try:
            self._bring_home(draft.agent_id, draft.thread_id)
            saved = super().put(draft, state, expected_head=expected_head)
        except StoreError as error:
            return self._put_aside(draft, state, expected_head, error)
        except HeadMoved:
            self._elsewhere.waiting(draft.agent_id, draft.thread_id)
            raise
        self._watch.came()
        return saved

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        """Save a chain durably, in the first store that accepts it.

        Elsewhere they are kept one after the other: where that is cut short the first ones are
        kept, and the same call again goes on behind them.
        """
        try:
            if drafts:
                self._bring_home(drafts[0][0].agent_id, drafts[0][0].thread_id)
            saved = super().put_many(drafts, expected_head=expected_head)
        except StoreError as error:
            return self._put_many_aside(drafts, expected_head, error)
        self._watch.came()
        return saved

    def replay(self) -> int:
        """Bring everything that can be into the primary; return how many checkpoints came.

        Journal entries come too. Raises the primary's StoreError when it is not back,
        CorruptCheckpoint when something that waits cannot be read, or a state does not come back
        from the primary as it was.
        """
        keys = dict.fromkeys([*self._elsewhere.threads(), *self._journal.threads()])
        return sum(self._bring_home(*key, strict=True) for key in keys)

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        found, error = self._of_primary()
        for key in self._elsewhere.threads():
            self._add_thread(found, *key)
        if error is not None and not found:
            raise error
        yield from sorted(found.values(), key=_updated, reverse=True)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        problem: CheckpointError | None = None
        records: list[Checkpoint] = []
        try:
            records = super().history(agent_id, thread_id, limit=limit)
        except (CheckpointNotFound, StoreError) as error:
            problem = error
        extra = self._extra(agent_id, thread_id, readable=not isinstance(problem, StoreError))
        if problem is not None and not extra:
            raise problem
        if not extra:
            return records
        both = [*extra.values(), *records]
        return sorted(both, key=lambda record: record.created_at, reverse=True)[:limit]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record."""
        try:
            return super().get(checkpoint_id, thread_id=thread_id, namespace=namespace)
        except (CheckpointNotFound, StoreError):
            found = None if namespace else self._elsewhere.find(checkpoint_id, thread_id)
            if found is None:
                raise
            return found

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest, from whoever holds it."""
        try:
            return super().load(checkpoint)
        except (CorruptCheckpoint, StoreError):
            holder = self._elsewhere.holder(checkpoint)
            if holder is None:
                raise
            return holder.load(checkpoint)

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping, from whoever holds it."""
        try:
            return super().fields(checkpoint)
        except (CorruptCheckpoint, StoreError):
            holder = self._elsewhere.holder(checkpoint)
            if holder is None:
                raise
            return holder.fields(checkpoint)

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are, from whoever holds them."""
        try:
            return super().raw(checkpoint)
        except (CorruptCheckpoint, StoreError):
            holder = self._elsewhere.holder(checkpoint)
            if holder is None:
                raise
            return holder.raw(checkpoint)

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from.

        While the primary cannot be read the head's version counts from another store's
        beginning. Raises StoreError when a store cannot be read that may hold a newer one.
        """
        agent_id = agent_id or self._agent_of(thread_id)
        if agent_id is None:
            return super().head(None, thread_id)
        waiting = self._elsewhere.waiting(agent_id, thread_id)
        try:
            head = super().head(agent_id, thread_id)
        except StoreError:
            if not waiting:
                raise
            return _head_at(chain_of(waiting), None)
        return _head_at(following(waiting, head.checkpoint_id if head else None), head)

    plan_restore = RestoresByHead.plan_restore
    choose_ids = RestoresByHead.choose_ids
    restore = RestoresByHead.restore
    plan_fork = ForksBySaving.plan_fork
    choose_fork_ids = ForksBySaving.choose_fork_ids
    fork = ForksBySaving.fork
    needed_by = PrunesToTrash.needed_by
    trashed = PrunesToTrash.trashed
    put_back = PrunesToTrash.put_back
    erase_thread = ErasesForGood.erase_thread

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
        """Move the head in the primary, after what waits has been replayed.

        Raises PlanRefused for a checkpoint that stayed elsewhere as a branch.
        """
        self._bring_home(checkpoint.agent_id, checkpoint.thread_id)
        try:
            return super().set_head(
                checkpoint,
                expected=expected,
                now=now,
                operation_id=operation_id,
                reason=reason,
                directive=directive,
            )
        except CheckpointNotFound as error:
            if self._elsewhere.holder(checkpoint) is None:
                raise
            raise PlanRefused(
                f"{checkpoint.id} is a branch that lies only in a fallback store; nothing was "
                "changed. Load its state and save it as a new checkpoint instead"
            ) from error

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        return super().take_directive(head) if head.directive is not None else None

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention, in the primary, after what waits was replayed."""
        self._bring_home(checkpoint.agent_id, checkpoint.thread_id)
        super().pin(checkpoint, reason=reason, now=now)

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return why the head, pins and what is not in the primary stay."""
        extra = self._extra(agent_id, thread_id, readable=True)
        away = dict.fromkeys(extra, "it lies in a fallback store, not in the primary one")
        return {**away, **PrunesToTrash.exempt(self, agent_id, thread_id)}

    def remove(
        self,
        prune: ThreadPrune,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadPruned:
        """Move what a plan dooms into the primary's trash, after what waits was replayed."""
        self._bring_home(prune.agent_id, prune.thread_id)
        return PrunesToTrash.remove(self, prune, operation_id=operation_id, now=now, trash=trash)

    def in_trash(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return the records of a thread that lie in the primary's trash."""
        return self._trash_keeping().in_trash(agent_id, thread_id)

    def purge(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> int:
        """Delete for good what lies in the primary's trash; copies elsewhere go with a sweep."""
        return self._trash_keeping().purge(
            agent_id, thread_id, checkpoint_ids, operation_id=operation_id
        )

    def _trash_keeping(self) -> TrashKeeping:
        """Return the primary as a store that can say what lies in its trash."""
        if not isinstance(self._store, TrashKeeping):
            raise PlanRefused(f"{self.url} cannot say what lies in its trash; nothing was changed")
        return self._store

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time, in every store."""
        freed = super().sweep(before=before)
        return freed + sum(aside.store.sweep(before=before) for aside in self._elsewhere.asides)

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints for good, in every store, after what waits has been replayed.

        Returns how many went, copies that other stores had kept not counted.
        """
        self._bring_home(agent_id, thread_id)
        branches = self._extra(agent_id, thread_id, readable=True)
        gone = super().erase(agent_id, thread_id, checkpoint_ids, now=now)
        for aside in self._elsewhere.asides:
            aside.store.erase(agent_id, thread_id, checkpoint_ids, now=now)
        wanted = branches if checkpoint_ids is None else set(checkpoint_ids)
        return gone + len(branches.keys() & wanted)

    def verify(self) -> Iterator[Finding]:
        """Read every store and yield each thing that is wrong."""
        yield from super().verify()
        for aside in self._elsewhere.asides:
            yield from aside.store.verify()

    def close(self) -> None:
        """Close every store."""
        with contextlib.ExitStack() as stack:
            for aside in self._elsewhere.asides:
                stack.callback(aside.store.close)
            super().close()

    def _bring_home(self, agent_id: str, thread_id: str, *, strict: bool = False) -> int:
        """Replay a thread and its journal; return how many checkpoints came."""
        checkpoints = self._replay.thread(agent_id, thread_id)
        if checkpoints:
            self._watch.came(checkpoints=checkpoints)
        with contextlib.nullcontext() if strict else contextlib.suppress(CorruptCheckpoint):
            self._replay_journal(agent_id, thread_id)
        return checkpoints

    def _put_many_aside(
        self,
        drafts: Sequence[tuple[Draft, State]],
        expected: str | None,
        error: StoreError,
    ) -> list[Checkpoint]:
        kept: list[Checkpoint] = []
        for draft, state in drafts:
            kept.append(self._put_aside(draft, state, expected, error))
            expected = draft.id
        return kept

    def _put_aside(
        self, draft: Draft, state: State, expected: str | None, error: StoreError
    ) -> Checkpoint:
        waiting, complete = self._elsewhere.readable(draft.agent_id, draft.thread_id)
        known = [item.aside for item in waiting if item.record.id == draft.id]
        home = None if known else self._saved_home(draft, state)
        if home is not None:
            return home
        if complete and not known:
            self._check(draft, waiting, expected)
        kept = self._elsewhere.keep(draft, state, after=expected, known=known)
        if kept is None:
            raise error
        self._watch.went(error)
        return kept

    def _saved_home(self, draft: Draft, state: State) -> Checkpoint | None:
        """Return the record of a save that the primary took although it said that it failed."""
        try:
            saved = super().get(draft.id, thread_id=draft.thread_id)
            stored = super().load(saved)
        except (CheckpointNotFound, StoreError):
            return None
        if encode_state(stored).sha256 != encode_state(state).sha256:
            raise PlanRefused(
                f"{draft.id} is already saved with another content; nothing was overwritten"
            )
        return saved

    def _check(self, draft: Draft, waiting: list[Waiting], expected: str | None) -> None:
        """Raise HeadMoved when the head is known, and is not the expected one."""
        try:
            head = super().head(draft.agent_id, draft.thread_id)
        except StoreError:
            if waiting:
                check_head(_head_at(chain_of(waiting), None), expected)
            return
        chain = following(waiting, head.checkpoint_id if head else None)
        check_head(_head_at(chain, head), expected)

    def _agent_of(self, thread_id: str) -> str | None:
        """Return an agent that has a thread of this name."""
        with contextlib.suppress(StoreError):
            head = super().head(None, thread_id)
            if head is not None:
                return head.agent_id
        return self._elsewhere.agent_of(thread_id)

    def _extra(
        self, agent_id: str | None, thread_id: str, *, readable: bool
    ) -> dict[str, Checkpoint]:
        """Return what other stores hold of a thread and the primary, where readable, lacks."""
        shown = self._elsewhere.shown(agent_id, thread_id)
        return {n: r for n, r in shown.items() if not readable or not self._replay.has(r)}

    def _of_primary(self) -> tuple[dict[tuple[str, str], Thread], StoreError | None]:
        try:
            return {(t.agent_id, t.thread_id): t for t in super().threads()}, None
        except StoreError as error:
            return {}, error

    def _add_thread(
        self, found: dict[tuple[str, str], Thread], agent_id: str, thread_id: str
    ) -> None:
        """Add what other stores hold of a thread to the primary's view of it."""
        known = found.get((agent_id, thread_id))
        extra = self._extra(agent_id, thread_id, readable=known is not None)
        if not extra:
            return
        base = known or Thread(
            agent_id=agent_id, thread_id=thread_id, head_id=None, checkpoints=0, updated_at=None
        )
        base = replace(base, checkpoints=base.checkpoints + len(extra))
        found[agent_id, thread_id] = _with_head(base, extra, self.head(agent_id, thread_id))


def _updated(thread: Thread) -> float:
    return thread.updated_at.timestamp() if thread.updated_at else 0.0


def _head_at(chain: list[Waiting], head: Head | None) -> Head | None:
    """Return the head after the chain that follows it."""
    if not chain:
        return head
    last = chain[-1].record
    return Head(
        agent_id=last.agent_id,
        thread_id=last.thread_id,
        checkpoint_id=last.id,
        version=(head.version if head else 0) + len(chain),
        moved_at=last.created_at,
    )


def _with_head(thread: Thread, records: dict[str, Checkpoint], head: Head | None) -> Thread:
    if head is None or head.checkpoint_id not in records:
        return thread
    status, detail = standing(head, records[head.checkpoint_id])
    return replace(
        thread,
        head_id=head.checkpoint_id,
        updated_at=head.moved_at,
        head_version=head.version,
        status=status,
        detail=detail,
    )
