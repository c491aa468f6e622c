"""Drafts: what a fork, a prune, an erasure, a verification or a sweep would do.

Each is kept until it is confirmed: a dry run, by which nothing is changed. It is confirmed by the
hash of its plan, and after 15 minutes it cannot be any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import checkpoints
from checkpoints.lineage import plan_erase, plan_prune, plan_removal
from dashboard.models import (
    Agent,
    Operation,
    OperationKind,
    Source,
    Thread,
    TrashedBatch,
    User,
)
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click, Wish
from dashboard.services.operations.confirming import require_rights
from dashboard.services.operations.errors import NothingToRemove, OperationRefused
from dashboard.services.operations.forks import plan_fork
from dashboard.services.operations.many import collector_at_rest
from dashboard.services.operations.opening import open_erasable, open_forkable, open_prunable
from dashboard.services.operations.plans import (
    Batch,
    BatchesPlan,
    ErasePlan,
    Plan,
    PrunePart,
    PrunePlan,
    VerifyPlan,
)
from dashboard.services.operations.previews import find_checkpoint
from dashboard.services.operations.sweeps import due_batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far an operation reaches: a source, one of its agents, or one of their threads."""

    source: Source
    agent: Agent | None = None
    thread: Thread | None = None

    def threads(self) -> list[Thread]:
        """Return the rows of the threads that it covers."""
        rows = Thread.objects.filter(agent__source=self.source).select_related("agent")
        if self.agent is not None:
            rows = rows.filter(agent=self.agent)
        if self.thread is not None:
            rows = rows.filter(pk=self.thread.pk)
        return list(rows.order_by("pk"))

    def wish(self, kind: OperationKind, target_id: str = "") -> Wish:
        """Return the wish for an operation of this reach."""
        return Wish(
            kind=kind,
            source=self.source,
            agent=self.agent,
            thread=self.thread,
            target_id=target_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOf:
    """What is to go out of one thread: what a policy does not keep, or what was selected.

    ``selected`` maps ids to the reason why each goes.
    """

    thread: Thread
    policy: checkpoints.RetentionPolicy | None = None
    selected: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who makes a draft, and the key by which a second request is the same."""

    user: User | None
    idempotency_key: str
    now: datetime


def draft_fork(
    *,
    user: User,
    checkpoint_pk: int,
    thread_id: str,
    idempotency_key: str,
    now: datetime,
    agent_id: str | None = None,
    edits: Sequence[checkpoints.Edit] = (),
) -> Operation:
    """Plan a new thread at a checkpoint, with an edited state where there are ``edits``.

    Raises Checkpoint.DoesNotExist, or OperationRefused.
    """
    row = find_checkpoint(checkpoint_pk)
    source = row.thread.agent.source

    def derive() -> Plan:
        with open_forkable(source) as store:
            return plan_fork(
                store,
                thread_id=row.thread.thread_id,
                checkpoint_id=row.checkpoint_id,
                namespace=row.namespace,
                new_agent_id=agent_id,
                new_thread_id=thread_id,
                edits=edits,
            )

    kind = OperationKind.EDIT_FORK if edits else OperationKind.FORK
    scope = Scope(source=source, agent=row.thread.agent, thread=row.thread)
    wish = scope.wish(kind, row.checkpoint_id)
    return _draft(Maker(user=user, idempotency_key=idempotency_key, now=now), wish, derive)


def draft_prune(
    *,
    user: User | None,
    scope: Scope,
    wanted: Iterable[PruneOf],
    idempotency_key: str,
    now: datetime,
    about: str = "",
) -> Operation:
    """Plan what goes out of threads. ``about`` says in a word by what, such as a policy's name.

    Raises OperationRefused, also when nothing would go.
    """

    def derive() -> Plan:
        plan = plan_prunes(scope.source, wanted, now=now)
        if not plan.doomed:
            raise NothingToRemove("Nothing would go: every checkpoint is kept.")
        return plan

    wish = scope.wish(OperationKind.PRUNE, about)
    return _draft(Maker(user=user, idempotency_key=idempotency_key, now=now), wish, derive)


def plan_prunes(source: Source, wanted: Iterable[PruneOf], *, now: datetime) -> PrunePlan:
    """Derive what would go out of threads from the live store.

    Raises CheckpointError, or OperationRefused where the store cannot prune.
    """
    with open_prunable(source) as store:
        return PrunePlan(
            planned_at=now, parts=tuple(_prune_part(store, one, now) for one in wanted)
        )


def draft_erase(
    *,
    user: User,
    source: Source,
    idempotency_key: str,
    now: datetime,
    **scope: str,
) -> Operation:
    """Plan to erase what belongs to a ``run_id`` or a ``user_id``, or the thread ``thread_id``.

    ``agent_id`` narrows each of them. Raises OperationRefused, also when nothing belongs to it.
    """

    def derive() -> Plan:
        with open_erasable(source) as store:
            plan = ErasePlan(scope=scope, threads=tuple(plan_erase(store, **scope)))
        if not plan.threads:
            raise OperationRefused("Nothing in this store belongs to it.")
        return plan

    about = ", ".join(f"{name} {value}" for name, value in sorted(scope.items()))
    wish = Scope(source=source).wish(OperationKind.ERASE, about)
    return _draft(Maker(user=user, idempotency_key=idempotency_key, now=now), wish, derive)


def draft_verify(
    *, user: User, source: Source, idempotency_key: str, now: datetime, deep: bool = False
) -> Operation:
    """Plan to read a source through."""
    wish = Scope(source=source).wish(OperationKind.VERIFY, "deep" if deep else "")
    maker = Maker(user=user, idempotency_key=idempotency_key, now=now)
    return _draft(maker, wish, lambda: VerifyPlan(deep=deep))


def draft_sweep(*, user: User, source: Source, idempotency_key: str, now: datetime) -> Operation:
    """Plan to delete for good what is due in the trash. Raises OperationRefused if nothing is."""

    def derive() -> Plan:
        batches = due_batches(source.pk, now)
        if not batches:
            raise OperationRefused(
                "Nothing in the trash of this source is due: its grace is not over."
            )
        return batches_plan(batches)

    wish = Scope(source=source).wish(OperationKind.SWEEP)
    return _draft(Maker(user=user, idempotency_key=idempotency_key, now=now), wish, derive)


def batches_plan(batches: Iterable[TrashedBatch]) -> BatchesPlan:
    """Return rows of the trash as a plan."""
    return BatchesPlan(
        batches=tuple(
            Batch(
                batch=row.pk,
                operation_id=str(row.operation_id),
                agent_id=row.thread.agent.agent_id,
                thread_id=row.thread.thread_id,
                checkpoint_ids=tuple(row.checkpoint_ids),
            )
            for row in batches
        )
    )


def _prune_part(store: checkpoints.PrunableStore, one: PruneOf, now: datetime) -> PrunePart:
    """Plan for one thread; of one that the store no longer knows nothing goes."""
    agent_id, thread_id = one.thread.agent.agent_id, one.thread.thread_id
    policy = one.policy.to_dict() if one.policy is not None else None
    try:
        if one.policy is not None:
            prune = plan_prune(store, agent_id, thread_id, one.policy, now=now)
        else:
            prune = plan_removal(store, agent_id, thread_id, one.selected or {}, now=now)
    except checkpoints.CheckpointNotFound as error:
        prune = checkpoints.ThreadPrune(
            agent_id=agent_id,
            thread_id=thread_id,
            expected_head=None,
            keep=(),
            remove=(),
            notes=(f"left out: {error}",),
        )
    return PrunePart(prune=prune, policy=policy)


def _draft(maker: Maker, wish: Wish, derive: Callable[[], Plan]) -> Operation:
    if maker.user is not None:
        require_rights(maker.user, wish.kind, wish.source.project, maker.now)
    click = Click(
        user=maker.user,
        reason="",
        idempotency_key=maker.idempotency_key,
        now=maker.now,
        draft=True,
    )
    if (asked := clicks.asked_before(click, wish)) is not None:
        return asked
    with collector_at_rest():
        return clicks.create(click, wish, _derived(derive))


def _derived(derive: Callable[[], Plan]) -> Plan:
    try:
        return derive()
    except NothingToRemove as error:
        raise NothingToRemove(f"{error} Nothing was asked for.") from None
    except (OperationRefused, checkpoints.CheckpointError) as error:
        raise OperationRefused(f"{str(error).rstrip('.')}. Nothing was asked for.") from error
