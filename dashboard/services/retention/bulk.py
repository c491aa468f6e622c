"""Acting on what a query finds: pruning it by drafts, pinning, unpinning and reading it back.

A prune is only drafted here, once for each source; pins are written into the stores at once, and
reading changes nothing. What was seen is what is acted on: a digest tells when it has changed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import checkpoints
from dashboard import access, stores
from dashboard.models import Checkpoint, Operation, Source, Thread, User
from dashboard.selectors.selections import Selection, rows_of, select
from dashboard.services import audit, operations
from dashboard.services.operations import OperationRefused, PruneOf, Scope
from dashboard.services.retention.errors import RetentionRefused

MOST_PINNED = 1000
"""Pins that are written while somebody waits."""
MOST_READ = 500
READ_SECONDS = 8.0
AT_ONCE = 500
NAMED = 20
NO_PINS = "its kind of store keeps no pins; keep it by a policy of its thread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A draft for each source, and the sources of which nothing can go, with the reason."""

    drafts: tuple[Operation, ...]
    refused: tuple[tuple[Source, str], ...]


@dataclass(slots=True, kw_only=True)
class Done:
    """What came of acting on each checkpoint: how many, and why not the others."""

    done: int = 0
    already: int = 0
    left_out: int = 0
    refused: list[tuple[Checkpoint, str]] = field(default_factory=list)

    def add(self, other: Done) -> None:
        """Count in what came of others."""
        self.done += other.done
        self.already += other.already
        self.left_out += other.left_out
        self.refused += other.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What somebody wants done to what a query finds, as the audit log names it."""

    user: User
    action: str
    text: str
    reason: str
    now: datetime


def draft_prunes(
    *, user: User, text: str, digest: str, idempotency_key: str, now: datetime
) -> Drafted:
    """Draft a prune of what a query finds, for each source one.

    Raises BadWord, Forbidden, LoginTooOld, or RetentionRefused when it finds nothing, or not what
    was seen.
    """
    access.require_recent_login(user, now)
    selection = _seen(user, text, digest, now)
    reason = f"selected by {selection.query.text}"
    drafts, refused = [], []
    for share in selection.shares:
        pks = [one.pk for one in selection.picked if one.source_pk == share.source.pk]
        try:
            drafts.append(
                operations.draft_prune(
                    user=user,
                    scope=Scope(source=share.source),
                    wanted=_selected(pks, reason),
                    idempotency_key=f"{idempotency_key[:40]}-{share.source.pk}",
                    now=now,
                    about=reason[:200],
                )
            )
        except OperationRefused as error:
            refused.append((share.source, str(error)))
    return Drafted(drafts=tuple(drafts), refused=tuple(refused))


def pin(*, user: User, text: str, digest: str, reason: str, now: datetime) -> Done:
    """Exempt what a query finds from every policy. Pinned twice it is pinned once.

    Raises BadWord, Forbidden, or RetentionRefused.
    """
    if not reason.strip():
        raise RetentionRefused("Say why: a reason is kept beside each pin. Nothing was pinned.")
    rows = _rows(_seen(user, text, digest, now), "pinned")

    def act(store: checkpoints.Store, row: Checkpoint) -> None:
        store.pin(_record(store, row), reason=reason.strip(), now=now)

    order = _Order(
        user=user, action="checkpoints.pinned", text=text, reason=reason.strip(), now=now
    )
    return _in_each(order, rows, lambda source, mine: _pins(source, mine, act, pinned=True))


def unpin(*, user: User, text: str, digest: str, reason: str, now: datetime) -> Done:
    """Take the exemption of what a query finds back.

    Raises BadWord, Forbidden, or RetentionRefused.
    """
    rows = _rows(_seen(user, text, digest, now), "unpinned")

    def act(store: checkpoints.Store, row: Checkpoint) -> None:
        store.unpin(_record(store, row))

    order = _Order(
        user=user, action="checkpoints.unpinned", text=text, reason=reason.strip(), now=now
    )
    return _in_each(order, rows, lambda source, mine: _pins(source, mine, act, pinned=False))


def read_back(
    *,
    user: User,
    text: str,
    digest: str,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
) -> Done:
    """Read what a query finds and say what cannot be read; nothing is changed.

    It ends after some seconds; what it did not come to is left out. Raises BadWord, Forbidden, or
    RetentionRefused.
    """
    selection = _seen(user, text, digest, now)
    rows = rows_of([one.pk for one in selection.picked[:MOST_READ]])
    until = clock() + READ_SECONDS
    order = _Order(user=user, action="checkpoints.read_back", text=text, reason="", now=now)
    done = _in_each(order, rows, lambda source, mine: _reads(source, mine, lambda: clock() < until))
    done.left_out += selection.checkpoints - len(rows)
    return done


def _seen(user: User, text: str, digest: str, now: datetime) -> Selection:
    """Return what a query finds in projects that one may operate, if it is what was seen."""
    selection = select(user=user, text=text, now=now, right="operate")
    if not selection.checkpoints:
        raise RetentionRefused("It finds nothing that you may operate on; nothing was done.")
    if selection.digest != digest:
        raise RetentionRefused(
            "The query finds something else than it did when you looked; nothing was done. Look "
            "at it again."
        )
    return selection


def _rows(selection: Selection, what: str) -> list[Checkpoint]:
    if selection.checkpoints > MOST_PINNED or selection.more:
        raise RetentionRefused(
            f"At most {MOST_PINNED:,} checkpoints are {what} at once and it finds more; nothing "
            "was done. Narrow the query."
        )
    return rows_of([one.pk for one in selection.picked])


def _selected(pks: Sequence[int], reason: str) -> list[PruneOf]:
    by_thread: dict[int, dict[str, str]] = defaultdict(dict)
    for start in range(0, len(pks), AT_ONCE):
        rows = Checkpoint.objects.filter(pk__in=pks[start : start + AT_ONCE])
        for thread_pk, checkpoint_id in rows.values_list("thread__pk", "checkpoint_id"):
            by_thread[thread_pk][checkpoint_id] = reason
    threads = Thread.objects.select_related("agent").in_bulk(list(by_thread))
    return [PruneOf(thread=threads[pk], selected=by_thread[pk]) for pk in sorted(threads)]


def _in_each(
    order: _Order,
    rows: Sequence[Checkpoint],
    act: Callable[[Source, list[Checkpoint]], Done],
) -> Done:
    """Act source by source, and audit each."""
    by_source: dict[Source, list[Checkpoint]] = defaultdict(list)
    for row in rows:
        by_source[row.thread.agent.source].append(row)
    total = Done()
    for source, mine in by_source.items():
        done = act(source, mine)
        _note(order, source, mine, done)
        total.add(done)
    return total


def _pins(
    source: Source,
    rows: Sequence[Checkpoint],
    act: Callable[[checkpoints.Store, Checkpoint], None],
    *,
    pinned: bool,
) -> Done:
    """Pin or unpin in a store what is not so already, and note it in the index."""
    try:
        with stores.open_source(source) as store:
            if not isinstance(store, checkpoints.Store):
                return Done(refused=[(row, NO_PINS) for row in rows])
            pins = {one.checkpoint_id for one in store.pins()}
            wrong = [row for row in rows if (row.checkpoint_id in pins) != pinned]
            refused = _each(wrong, lambda row: act(store, row))
    except checkpoints.CheckpointError as error:
        return Done(refused=[(row, str(error)) for row in rows])
    failed = {row.pk for row, _ in refused}
    as_wanted = [row.pk for row in rows if row.pk not in failed]
    Checkpoint.objects.filter(pk__in=as_wanted).update(pinned=pinned)
    return Done(done=len(wrong) - len(refused), already=len(rows) - len(wrong), refused=refused)


def _reads(source: Source, rows: Sequence[Checkpoint], in_time: Callable[[], bool]) -> Done:
    """Read states out of a store while there is time."""
    come_to: list[Checkpoint] = []
    try:
        with stores.open_source(source) as store:

            def act(row: Checkpoint) -> None:
                if in_time():
                    come_to.append(row)
                    store.load(_record(store, row))

            refused = _each(rows, act)
    except checkpoints.CheckpointError as error:
        return Done(refused=[(row, str(error)) for row in rows])
    return Done(
        done=len(come_to) - len(refused), left_out=len(rows) - len(come_to), refused=refused
    )


def _each(
    rows: Sequence[Checkpoint], act: Callable[[Checkpoint], None]
) -> list[tuple[Checkpoint, str]]:
    """Act on each and return those for which it was refused, with the reason."""
    refused = []
    for row in rows:
        try:
            act(row)
        except checkpoints.CheckpointError as error:
            refused.append((row, str(error)))
    return refused


def _record(store: checkpoints.ReadableStore, row: Checkpoint) -> checkpoints.Checkpoint:
    return store.get(row.checkpoint_id, thread_id=row.thread.thread_id, namespace=row.namespace)


def _note(order: _Order, source: Source, rows: Sequence[Checkpoint], done: Done) -> None:
    audit.record(
        user=order.user,
        action=order.action,
        target=source.name,
        details={
            "query": order.text,
            "reason": order.reason,
            "selected": len(rows),
            "done": done.done,
            "already": done.already,
            "refused": len(done.refused),
            "checkpoints": [row.checkpoint_id for row in rows[:NAMED]],
        },
        project=source.project,
        now=order.now,
    )
