"""Operations: what changes a store, from the preview to the undo.

The row is the truth and the message that starts a worker only a hint; see ``running`` for the way
that every operation takes.
"""

from dashboard.services.operations.changes import cancel, retry
from dashboard.services.operations.errors import OperationRefused, PlanExpired, PlanStale
from dashboard.services.operations.previews import RestorePreview, preview_restore
from dashboard.services.operations.reconciling import Reconciled, reconcile
from dashboard.services.operations.requests import request_restore
from dashboard.services.operations.running import run_operation
from dashboard.services.operations.undoing import request_undo

__all__ = [
    "OperationRefused",
    "PlanExpired",
    "PlanStale",
    "Reconciled",
    "RestorePreview",
    "cancel",
    "preview_restore",
    "reconcile",
    "request_restore",
    "request_undo",
    "retry",
    "run_operation",
]
