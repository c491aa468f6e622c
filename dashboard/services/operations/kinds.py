"""Each kind of operation: how its store is opened, and the work that it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import checkpoints
from dashboard import stores
from dashboard.models import Operation, OperationKind, Source
from dashboard.services.operations import opening
from dashboard.services.operations.erasures import EraseWork
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.forks import ForkWork
from dashboard.services.operations.plans import Plan, read_plan, undoes_restore
from dashboard.services.operations.prunes import PruneWork
from dashboard.services.operations.put_backs import PutBackWork
from dashboard.services.operations.restores import RestoreWork
from dashboard.services.operations.sweeps import SweepWork
from dashboard.services.operations.verifications import VerifyWork
from dashboard.services.operations.work import Work

IMPOSSIBLE = (
    checkpoints.CorruptCheckpoint,
    checkpoints.CheckpointNotFound,
    checkpoints.PermanentStoreError,
    checkpoints.PlanRefused,
    OperationRefused,
)
"""What no later attempt can mend."""

Opened = contextlib.AbstractContextManager[Work]
Opener = Callable[[Operation, Plan], Opened]


def _alone(
    open_store: Callable[[Source], contextlib.AbstractContextManager[Any]],
    work: Callable[..., Work],
) -> Opener:
    """Return how work that needs its store alone is opened."""

    @contextlib.contextmanager
    def opened(operation: Operation, plan: Plan) -> Iterator[Work]:
        with open_store(operation.source) as store:
            yield work(operation=operation, store=store, plan=plan)

    return opened


def _with_trash(
    open_store: Callable[[Source], contextlib.AbstractContextManager[Any]],
    work: Callable[..., Work],
) -> Opener:
    """Return how work that needs the trash beside its store is opened."""

    @contextlib.contextmanager
    def opened(operation: Operation, plan: Plan) -> Iterator[Work]:
        source = operation.source
        with open_store(source) as store, stores.open_trash(source) as trash:
            yield work(operation=operation, store=store, plan=plan, trash=trash)

    return opened


def _open_source(source: Source) -> contextlib.AbstractContextManager[checkpoints.ReadableStore]:
    """Open a source's store whatever it can do: reading is all that a verification needs."""
    return stores.open_source(source)


_restore = _alone(opening.open_restorable, RestoreWork)
_put_back = _with_trash(opening.open_prunable, PutBackWork)
_OPENERS: Mapping[str, Opener] = {
    OperationKind.RESTORE: _restore,
    OperationKind.FORK: _alone(opening.open_forkable, ForkWork),
    OperationKind.EDIT_FORK: _alone(opening.open_forkable, ForkWork),
    OperationKind.PRUNE: _with_trash(opening.open_prunable, PruneWork),
    OperationKind.VERIFY: _alone(_open_source, VerifyWork),
    OperationKind.ERASE: _with_trash(opening.open_erasable, EraseWork),
    OperationKind.SWEEP: _with_trash(opening.open_prunable, SweepWork),
}


def opened_work(operation: Operation) -> Opened:
    """Open an operation's store with its confirmed plan. Raises OperationRefused, StoreError."""
    plan = read_plan(operation)
    if operation.kind == OperationKind.UNDO:
        return (_restore if undoes_restore(operation) else _put_back)(operation, plan)
    return _OPENERS[operation.kind](operation, plan)
