"""Opening a store that can restore, and saying plainly why another cannot."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import checkpoints
from dashboard import stores
from dashboard.models import Source
from dashboard.services.operations.errors import OperationRefused


@contextlib.contextmanager
def open_restorable(source: Source) -> Iterator[checkpoints.RestorableStore]:
    """Open a source's store. Raises OperationRefused when it cannot restore.

    Raises StoreError when it cannot be opened.
    """
    with stores.open_source(source) as store:
        capabilities = store.capabilities
        if not capabilities.restore or not isinstance(store, checkpoints.RestorableStore):
            reason = capabilities.reasons.get("restore", "its connector can only read")
            raise OperationRefused(f"{source.name} cannot restore: {reason}")
        yield store


def plan_restore(
    store: checkpoints.RestorableStore, *, thread_id: str, namespace: str, checkpoint_id: str
) -> checkpoints.RestorePlan:
    """Return what restoring a checkpoint would do to the store as it is now."""
    target = store.get(checkpoint_id, thread_id=thread_id, namespace=namespace)
    return store.plan_restore(target)
