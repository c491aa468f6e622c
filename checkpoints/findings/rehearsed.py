"""Kinds of finding: what only rehearsing a restore brings up."""

from __future__ import annotations

from typing import Final

from checkpoints.findings.kinds import GO_BACK, FindingKind, Severity

REHEARSED: Final = (
    FindingKind(
        "missing_checkpoint",
        "Checkpoint is gone",
        "It is listed, and the store does not give it any more: it cannot be restored.",
        "If somebody pruned it, nothing is to be done. Else bring back a backup of the store.",
        Severity.LOST,
    ),
    FindingKind(
        "not_restorable",
        "Restore is refused",
        "It can be read, but a restore of it would be refused now.",
        "The reason says what stands in the way; once that is gone, rehearse it again.",
        Severity.RISK,
    ),
    FindingKind(
        "reads_otherwise",
        "Restored state is another one",
        "A restore would bring back something else than was saved.",
        GO_BACK,
        Severity.LOST,
    ),
)
