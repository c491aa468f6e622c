"""Opening a store that can do what is asked for, and saying plainly why another cannot."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TypeVar

import checkpoints
from dashboard import stores
from dashboard.models import Source
from dashboard.services.operations.errors import OperationRefused

Able = TypeVar("Able", bound=checkpoints.ReadableStore)


@contextlib.contextmanager
def open_able(source: Source, capability: str, protocol: type[Able]) -> Iterator[Able]:
    """Open a source's store as one that has a capability. Raises OperationRefused.

    ``capability`` is a field of ``checkpoints.Capabilities``. Raises StoreError when the store
    cannot be opened.
    """
    with stores.open_source(source) as store:
        capabilities = store.capabilities
        if not getattr(capabilities, capability) or not isinstance(store, protocol):
            reason = capabilities.reasons.get(capability, "its connector can only read")
            raise OperationRefused(f"{source.name} cannot {capability}: {reason}")
        yield store


def open_restorable(
    source: Source,
) -> contextlib.AbstractContextManager[checkpoints.RestorableStore]:
    """Open a source's store as one that can restore. Raises OperationRefused, StoreError."""
    return open_able(source, "restore", checkpoints.RestorableStore)  # type: ignore[type-abstract]


def open_forkable(source: Source) -> contextlib.AbstractContextManager[checkpoints.ForkableStore]:
    """Open a source's store as one that can fork. Raises OperationRefused, StoreError."""
    return open_able(source, "fork", checkpoints.ForkableStore)  # type: ignore[type-abstract]


def open_prunable(source: Source) -> contextlib.AbstractContextManager[checkpoints.PrunableStore]:
    """Open a source's store as one that can prune. Raises OperationRefused, StoreError."""
    return open_able(source, "prune", checkpoints.PrunableStore)  # type: ignore[type-abstract]


def open_erasable(source: Source) -> contextlib.AbstractContextManager[checkpoints.ErasableStore]:
    """Open a source's store as one that can erase. Raises OperationRefused, StoreError."""
    return open_able(source, "erase", checkpoints.ErasableStore)  # type: ignore[type-abstract]


def plan_restore(
    store: checkpoints.RestorableStore, *, thread_id: str, namespace: str, checkpoint_id: str
) -> checkpoints.RestorePlan:
    """Return what restoring a checkpoint would do to the store as it is now."""
    target = store.get(checkpoint_id, thread_id=thread_id, namespace=namespace)
    return store.plan_restore(target)
