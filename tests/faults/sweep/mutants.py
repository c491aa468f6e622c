"""Each safety feature switched off in turn: the sweep must see what it keeps from happening."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest import mock

from checkpoints.lineage import confirmed
from checkpoints.stores import journaled, removals
from checkpoints.stores.memory import MemoryStore
from dashboard.models import Operation, OperationState
from dashboard.services.operations import (
    claims,
    clicks,
    journal,
    plans,
    prunes,
    reconciling,
    sweeps,
)
from dashboard.services.operations.forks import ForkWork
from dashboard.services.operations.restores import RestoreWork
from dashboard.services.operations.sweeps import SweepWork
from dashboard.services.operations.work import Ending

Off = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A feature, how it is switched off, and the faults against which it is there."""

    feature: str
    off: Off
    act: str
    faults: tuple[tuple[str, ...], ...]
    kind: str = "memory"


def _patch(owner: Any, name: str, value: Any) -> Off:
    return lambda: mock.patch.object(owner, name, value)


def _any_fence(self: claims.Claim) -> Any:
    return Operation.objects.filter(pk=self.operation.pk)


def _never_abandoned(operation_id: uuid.UUID, now: Any) -> Any:
    return Operation.objects.filter(pk=operation_id, state=OperationState.QUEUED)


@contextlib.contextmanager
def _fresh_ids() -> Iterator[None]:
    real = ForkWork.apply

    def apply(self: ForkWork, step: Any, now: Any) -> Any:
        step.written_ids = list(self.store.choose_fork_ids(self.plan))
        return real(self, step, now)

    with mock.patch.object(ForkWork, "apply", apply):
        yield


def _blind_restore(self: Any, plan: Any, *, written_ids: Any, **values: Any) -> Any:
    target = self.get(plan.targets[0].checkpoint_id, thread_id=plan.thread_id)
    return self.set_head(target, expected=plan.expected_head, **values)


@contextlib.contextmanager
def _no_look_before() -> Iterator[None]:
    with (
        mock.patch.object(MemoryStore, "restore", _blind_restore),
        mock.patch.object(journaled, "move_done", return_value=None),
    ):
        yield


@contextlib.contextmanager
def _unchecked_plan() -> Iterator[None]:
    def read(operation: Operation) -> Any:
        return plans._reader(operation)(operation.plan)

    from dashboard.services.operations import kinds

    with (
        mock.patch.object(kinds, "read_plan", read),
        mock.patch.object(RestoreWork, "check", lambda self: self),
    ):
        yield


def _no_lock(operation: Any, thread_pk: int, fence: int, now: Any) -> bool:
    return True


def _gone_at_once(self: Any, checkpoints: Any, *, now: Any) -> list[Any]:
    with self._exclusive() as ledger:
        going = [ledger.records[name] for name in checkpoints if name in ledger.records]
    for record in going:
        self.erase(record.agent_id, record.thread_id, [record.id], now=now)
    return []


def _believing(self: RestoreWork, steps: Any, now: Any) -> Ending:
    from dashboard.services.operations.restores import restored_by

    restored = restored_by(self.plan, steps)
    return self._succeeded(restored, restored)


@contextlib.contextmanager
def _not_read_back() -> Iterator[None]:
    with (
        mock.patch.object(RestoreWork, "verify", _believing),
        mock.patch.object(reconciling, "_recent", return_value=[]),
    ):
        yield


@contextlib.contextmanager
def _one_sweep_enough() -> Iterator[None]:
    real = SweepWork.apply

    def apply(self: SweepWork, step: Any, now: Any) -> Any:
        real(self, step, now)
        return real(self, step, now)

    with (
        mock.patch.object(sweeps, "BETWEEN_SWEEPS", timedelta()),
        mock.patch.object(SweepWork, "apply", apply),
    ):
        yield


def _unbegun(claim: Any, step: Any, now: Any) -> None:
    return None


def _unwritten(claim: Any, steps: Any) -> list[Any]:
    from dashboard.models import OperationStep

    return [
        OperationStep(
            id=uuid.uuid5(claim.operation.pk, str(position)),
            operation=claim.operation,
            position=position,
            action=step.action,
            written_ids=list(step.written_ids),
            thread_id=step.thread,
        )
        for position, step in enumerate(steps)
    ]


@contextlib.contextmanager
def _any_content() -> Iterator[None]:
    real = removals._stays_because

    def stays(doomed: Any, *found: Any) -> str | None:
        return real(replace(doomed, sha256=None), *found)

    def agreed(prune: Any, again: Any) -> Any:
        blind = tuple(replace(one, sha256=None) for one in prune.remove)
        return confirmed(replace(prune, remove=blind), again)

    with (
        mock.patch.object(removals, "_stays_because", stays),
        mock.patch.object(prunes, "confirmed", agreed),
    ):
        yield


@contextlib.contextmanager
def _every_click_counts() -> Iterator[None]:
    real = clicks.create

    def create(click: Any, *args: Any, **values: Any) -> Operation:
        return real(replace(click, idempotency_key=uuid.uuid4().hex), *args, **values)

    with (
        mock.patch.object(clicks, "asked_before", return_value=None),
        mock.patch.object(clicks, "create", create),
    ):
        yield


@contextlib.contextmanager
def _no_constraints() -> Iterator[None]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        yield
        cursor.execute("PRAGMA ignore_check_constraints = OFF")


KILLS = (("crash",), ("crash", "crash"))
SLEEPERS = (("zombie",), ("crash", "zombie"))
MUTANTS = (
    Mutant("fencing of every write", _patch(claims.Claim, "held", _any_fence), "restore", SLEEPERS),
    Mutant("leases that end", _patch(claims, "_waiting", _never_abandoned), "restore", KILLS),
    Mutant("ids chosen once", _fresh_ids, "fork", KILLS),
    Mutant("a look before a redo", _no_look_before, "restore", (*KILLS, ("timeout",))),
    Mutant(
        "the head that the store expects",
        _patch(journaled, "check_head", lambda current, expected: None),
        "restore",
        (("writer",), ("crash", "writer")),
    ),
    Mutant("the plan's hash and the check", _unchecked_plan, "restore", (("tamper",),)),
    Mutant(
        "one operation at a thread",
        _patch(claims, "_lock_thread", _no_lock),
        "restore",
        (("rival",),),
    ),
    Mutant(
        "trash instead of deletion", _patch(MemoryStore, "trash", _gone_at_once), "prune", KILLS
    ),
    Mutant("reading back, also later", _not_read_back, "restore", (("lie",),)),
    Mutant("one operation per click", _every_click_counts, "double_click", KILLS),
    Mutant("two sweeps", _one_sweep_enough, "first_sweep", KILLS),
    Mutant("the grace", _patch(prunes, "grace", timedelta), "prune_and_wait", KILLS),
    Mutant(
        "a note before each act",
        _patch(journal, "mark_begun", _unbegun),
        "restore",
        (("timeout", "cancel"), ("crash", "cancel")),
    ),
    Mutant(
        "the journal before the act", _patch(journal, "write_steps", _unwritten), "restore", KILLS
    ),
    Mutant("the digest of what goes", _any_content, "prune", (("changed",),)),
    Mutant(
        "an undone prune stays undone",
        _patch(removals, "_is_undone", lambda *_: False),
        "prune",
        (("zombie-undo",),),
    ),
    Mutant("the second person's constraint", _no_constraints, "approval", (("push-on",),)),
)
"""Each of them, with the smallest sweep that shows what it is for."""
