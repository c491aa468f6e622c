"""Operations: what changes a store, from the preview to the undo.

The row is the truth and the message that starts a worker only a hint; see ``running`` for the way
that every operation takes.
"""

from dashboard.services.operations.changes import acknowledge, cancel, retry
from dashboard.services.operations.confirming import approve, confirm, find_operation
from dashboard.services.operations.drafts import (
    PruneOf,
    Scope,
    draft_erase,
    draft_fork,
    draft_prune,
    draft_sweep,
    draft_verify,
    plan_prunes,
)
from dashboard.services.operations.errors import (
    NothingToRemove,
    OperationRefused,
    PlanExpired,
    PlanStale,
)
from dashboard.services.operations.previews import RestorePreview, preview_restore
from dashboard.services.operations.reconciling import Reconciled, reconcile
from dashboard.services.operations.requests import draft_restore, request_restore
from dashboard.services.operations.running import run_operation
from dashboard.services.operations.unattended import begin_unattended
from dashboard.services.operations.undoing import request_undo

__all__ = [
    "NothingToRemove",
    "OperationRefused",
    "PlanExpired",
    "PlanStale",
    "PruneOf",
    "Reconciled",
    "RestorePreview",
    "Scope",
    "acknowledge",
    "approve",
    "begin_unattended",
    "cancel",
    "confirm",
    "draft_erase",
    "draft_fork",
    "draft_prune",
    "draft_restore",
    "draft_sweep",
    "draft_verify",
    "find_operation",
    "plan_prunes",
    "preview_restore",
    "reconcile",
    "request_restore",
    "request_undo",
    "retry",
    "run_operation",
]
