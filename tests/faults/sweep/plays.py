"""Playing one scenario: which faults befall the operation, and when."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import IntegrityError, connection, transaction

import checkpoints
from dashboard.models import Operation, OperationState
from dashboard.services import operations
from dashboard.services.operations import OperationRefused
from tests.faults.sweep.acts import restore_of
from tests.faults.sweep.boundaries import STAGE
from tests.faults.sweep.worlds import LEASE_SECONDS, Killed, Unforeseen, World

AFTER_A_CHANGE = ("timeout",)
"""Faults that strike only where a store has just changed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at which boundary, counted from the fault before."""

    name: str
    at: int

    @classmethod
    def parse(cls, text: str) -> Self:
        name, _, at = text.partition("@")
        return cls(name, int(at))

    def __str__(self) -> str:
        return f"{self.name}@{self.at}"


@dataclass(frozen=True, slots=True)
class Boundary:
    """One place that an undisturbed worker came by."""

    name: str
    inside: bool
    changed: bool

    def suits(self, fault: str) -> bool:
        """Return whether a fault can strike here."""
        if fault in AFTER_A_CHANGE:
            return self.changed
        if fault == "tamper":
            return self.name == "before claims.claim"
        if fault == "lie":
            return self.name.startswith("before ") and self.name.endswith("Store.restore")
        return fault in {"crash", "die"} or not self.inside


@dataclass
class Drama:
    """One scenario while it is played."""

    world: World
    operation: Operation
    faults: Sequence[Fault] = ()
    trace: list[Boundary] = field(default_factory=list)
    tell: Callable[[str], object] = lambda line: None
    fired: int = 0
    acting: int = 0
    held: int = 0
    lying: bool = False
    _count: int = 0
    _depth: int = 0
    _base: int = 0
    _struck: bool = False
    _frozen: Any = None
    _last: str = ""

    def play(self) -> bool:
        """Let the operation run its way; False when something is open for ever."""
        self._base = len(connection.savepoint_ids)
        with STAGE.putting_on(self):
            self._deliver()
            self.world.gone = False
            settled = self.world.settle()
        self.world.scan()
        self.world.reconcile()
        self.world.wait()
        return self.world.settle() and settled

    def _deliver(self) -> None:
        self.world.hints.clear()
        self._run()

    def _run(self) -> None:
        """Run a worker; after a kill within an act the store is as it was at that moment."""
        self._depth += 1
        try:
            self.world.run(self.operation.pk)
        finally:
            self._depth -= 1
            self.acting = self.held = 0
            if self._frozen is not None and not self._depth:
                self.world.kind.become(self._frozen)
                self._frozen = None

    def owns(self, path: str) -> bool:
        folder = getattr(self.world.kind, "folder", None)
        return folder is not None and path.startswith(str(folder))

    def at(self, name: str, *, inside: bool = False, changed: bool = False) -> None:
        """Come to a boundary, and let the next fault strike if it is there."""
        if self._struck and not name.startswith("file "):
            self._struck = False
            raise Killed
        quiet = inside or self.held > 0 or len(connection.savepoint_ids) > self._base
        boundary = Boundary(name, quiet, changed)
        if not self.faults:
            self.trace.append(boundary)
        position, self._count = self._count, self._count + 1
        self.tell(f"{'  ' * self._depth}{position} {name}{' (inside)' if quiet else ''}")
        if self.fired < len(self.faults) and self.faults[self.fired].at == position:
            self._strike(self.faults[self.fired].name, boundary)

    def _strike(self, fault: str, boundary: Boundary) -> None:
        if not boundary.suits(fault):
            self._count -= 1
            self.fired = len(self.faults) + 1
            return
        self.tell(f"{'  ' * self._depth}*** {fault}")
        self.fired += 1
        self._count = 0
        getattr(self, f"_{fault.replace('-', '_')}")(boundary)

    @property
    def befell(self) -> bool:
        """Whether every fault struck where it was to."""
        return self.fired == len(self.faults)

    def _crash(self, boundary: Boundary) -> None:
        if boundary.name.startswith("file "):
            if self._depth == 1:
                self._frozen = self.world.kind.image()
            self._struck = True
            return
        raise Killed

    def _die(self, boundary: Boundary) -> None:
        """End this process as a power failure would."""
        os.kill(os.getpid(), signal.SIGKILL)

    def _timeout(self, boundary: Boundary) -> None:
        raise checkpoints.TransientStoreError("the answer did not come in time")

    def _transient(self, boundary: Boundary) -> None:
        raise checkpoints.TransientStoreError("the store is busy")

    def _zombie(self, boundary: Boundary) -> None:
        """Sleep past the lease, and wake when others have settled it."""
        self.world.clock.pass_by(LEASE_SECONDS)
        self._meanwhile()

    def _zombie_undo(self, boundary: Boundary) -> None:
        """Sleep past the lease, and wake when others have settled it and taken it back."""
        self._zombie(boundary)
        self._undo()
        self._meanwhile()

    def _meanwhile(self) -> None:
        acting, held, self.acting, self.held = self.acting, self.held, 0, 0
        self._depth += 1
        try:
            self.world.settle()
        finally:
            self._depth -= 1
            self.acting, self.held = acting, held

    def _undo(self) -> None:
        with STAGE.putting_on(None), contextlib.suppress(OperationRefused):
            self.operation.refresh_from_db()
            self.world.undo(self.operation)

    def _undo_race(self, boundary: Boundary) -> None:
        """Let two people ask for the undo of what is under way, or of what it undoes."""
        for _ in range(2):
            self._undo()

    def _undo_first(self, boundary: Boundary) -> None:
        """Take back what came before this operation."""
        with STAGE.putting_on(None), contextlib.suppress(OperationRefused):
            self.world.undo(Operation.objects.order_by("created_at")[0])

    def _rival(self, boundary: Boundary) -> None:
        """Let somebody else restore another checkpoint of the same thread."""
        with STAGE.putting_on(None), contextlib.suppress(OperationRefused):
            rival = restore_of(self.world, 0)
            self.world.run(rival.pk)

    def _push_on(self, boundary: Boundary) -> None:
        """Let a faulty page queue what waits for its second person."""
        rows = Operation.objects.filter(pk=self.operation.pk, state=OperationState.PENDING_APPROVAL)
        with contextlib.suppress(IntegrityError), transaction.atomic():
            rows.update(state=OperationState.QUEUED)

    def _lie(self, boundary: Boundary) -> None:
        self.lying = True

    def _tamper(self, boundary: Boundary) -> None:
        """Change, in the database, what was confirmed."""
        rows = Operation.objects.filter(pk=self.operation.pk)
        plan = rows.get().plan
        others = [target for target in plan["superseded"] if target != plan["expected_head"]]
        plan["targets"][0].update(checkpoint_id=others[0], sha256=self._sha256_of(others[0]))
        rows.update(plan=plan)

    def _sha256_of(self, checkpoint_id: str) -> str | None:
        found = (sha for name, sha in self.world.look().listed.items() if name[3] == checkpoint_id)
        return next(found)

    def _changed(self, boundary: Boundary) -> None:
        """Put another content in the place of the oldest checkpoint of the thread."""
        with STAGE.putting_on(None):
            self.world.replace_oldest()

    def _twice(self, boundary: Boundary) -> None:
        """Deliver the same message again while its first worker is at it."""
        acting, held, self.acting, self.held = self.acting, self.held, 0, 0
        self._depth += 1
        try:
            self.world.run(self.operation.pk)
        finally:
            self._depth -= 1
            self.acting, self.held = acting, held

    def _writer(self, boundary: Boundary) -> None:
        self.world.writer_saves(self.world.kind.threads["main"])

    def _stale_writer(self, boundary: Boundary) -> None:
        self.world.writer_saves(self.world.kind.threads["main"], stale=True)

    def _side_writer(self, boundary: Boundary) -> None:
        self.world.writer_saves(self.world.kind.threads["side"])

    def _cancel(self, boundary: Boundary) -> None:
        with STAGE.putting_on(None), contextlib.suppress(OperationRefused):
            operations.cancel(
                user=self.world.operator(),
                operation_id=self.operation.pk,
                now=self.world.clock(),
            )

    def _missing(self, boundary: Boundary) -> None:
        """Take the store away until the message was handled."""
        self.world.gone = True

    def _blink(self, boundary: Boundary) -> None:
        """Let something unforeseen go wrong."""
        raise Unforeseen
