"""Kinds of finding: what repairing and copying stores tells of."""

from __future__ import annotations

from typing import Final

from checkpoints.findings.kinds import GO_BACK, RESTORE, FindingKind, Severity

MOVING: Final = (
    FindingKind(
        "quarantined",
        "Moved into quarantine",
        "It is not listed any more; its bytes are kept.",
        f"{GO_BACK}",
        Severity.NOTE,
    ),
    FindingKind(
        "salvaged",
        "Saved into a new file",
        "What proved whole was put into a new file; the damaged one lies beside it.",
        "Verify the new file, and keep the damaged one until you miss nothing.",
        Severity.NOTE,
    ),
    FindingKind(
        "damaged",
        "Damaged, not copied",
        "It is not in the new store.",
        "Keep the old store, or restore another checkpoint before you copy.",
        Severity.LOST,
    ),
    FindingKind(
        "not_copied",
        "Not copied",
        "It is not in the new store.",
        "Keep the old store, and copy again once the reason is gone.",
        Severity.RISK,
    ),
    FindingKind(
        "entry_not_copied",
        "Journal entries not copied",
        "A run that resumes in the new store may do an effect again.",
        "Keep the old store, and copy again once the reason is gone.",
        Severity.RISK,
    ),
    FindingKind(
        "pin_not_set",
        "Pin not copied",
        "Retention in the new store may remove what was to be kept.",
        "Copy the checkpoint and pin it in the new store.",
        Severity.RISK,
    ),
    FindingKind(
        "head_not_set",
        "Head not copied",
        "The thread resumes from another checkpoint in the new store.",
        f"Say where to go on there: {RESTORE}.",
        Severity.RISK,
    ),
)
