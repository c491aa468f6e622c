"""Kinds of finding: what can be read and leads runs astray."""

from __future__ import annotations

from typing import Final

from checkpoints.findings.kinds import GO_BACK, RESTORE, FindingKind, Severity

MISLEADING: Final = (
    FindingKind(
        "poisoned",
        "Empty after it was full",
        "A run that resumes here has forgotten what it knew one checkpoint earlier.",
        f"If the agent did not empty it on purpose, restore the parent, which has it: {RESTORE}.",
        Severity.RISK,
    ),
    FindingKind(
        "passed_over",
        "Passed over when its framework resumes",
        "It can be loaded by its id alone: a run that resumes from the newest checkpoint starts "
        "from an older one, or anew, without a word.",
        "Resume by the id, or let the agent save plain files on a disk that is encrypted.",
        Severity.RISK,
    ),
    FindingKind(
        "plaintext",
        "Plain among encrypted",
        "What this checkpoint holds can be read by all who can read the store.",
        "See which process saves without the key, then prune or erase the plain ones.",
        Severity.RISK,
    ),
    FindingKind(
        "future_id",
        "From the future",
        "It counts as the newest for as long as its time lies ahead: what the agent saves "
        "meanwhile is ignored when it resumes.",
        "Set the clock of the machine that wrote it. Prune it, or wait until its time has come.",
        Severity.RISK,
    ),
    FindingKind(
        "duplicate_id",
        "Two with the same id",
        "Only one of them is loaded, and it need not be the newer one.",
        "Compare them, keep the one that is right, and move the other out of the store.",
        Severity.RISK,
    ),
    FindingKind(
        "wrong_id",
        "Another id inside",
        "The checkpoint is kept under another id than its own: it was copied by hand, or altered.",
        f"Find out who changed the store. {GO_BACK}",
        Severity.RISK,
    ),
    FindingKind(
        "future_version",
        "Of a newer version than is known",
        "What is new in it may not be shown here.",
        "Update Holdfast; until then compare what is shown with what the framework itself loads.",
        Severity.RISK,
    ),
    FindingKind(
        "duplicate_key",
        "A key that stands twice",
        "The frameworks take the last of its values without a word; what the first said is lost.",
        "Look at the stored bytes to see both. Find out who wrote the file: no framework does so.",
        Severity.NOTE,
    ),
    FindingKind(
        "naive_time",
        "Time without a time zone",
        "One such time can make the framework's listing fail as a whole: runs then start anew, "
        "without a word.",
        "Add the zone to the time in the file (`+00:00`), and let the agent save times in UTC.",
        Severity.RISK,
    ),
    FindingKind(
        "lost_times",
        "Files lost their times",
        "The framework resumes the file that was modified last, which is not the one saved last.",
        f"Restore the checkpoint that was saved last: {RESTORE}. Copy folders with their times.",
        Severity.RISK,
    ),
    FindingKind(
        "missing_parent",
        "Parent is gone",
        "The lineage ends here: what came before was pruned or lost, and a fork has no origin.",
        "Nothing, if it was pruned. Else bring it back from a backup; `holdfast prune` keeps the "
        "points where runs branch off.",
        Severity.NOTE,
    ),
    FindingKind(
        "failed_as_completed",
        "Failed, but marked completed",
        "A run that failed counts as done and is not resumed.",
        f"Start the run again, or restore the step before it failed: {RESTORE}.",
        Severity.RISK,
    ),
    FindingKind(
        "damaged_head",
        "Head cannot be read",
        "Where the thread resumes is not known, so its next run cannot go on.",
        f"Say where to go on: {RESTORE}.",
        Severity.LOST,
    ),
    FindingKind(
        "dangling_head",
        "Head names a checkpoint that is gone",
        "The thread's next run has nothing to resume from.",
        f"Say where to go on: {RESTORE}.",
        Severity.LOST,
    ),
    FindingKind(
        "dangling_pin",
        "Pin on a checkpoint that is gone",
        "What was to be kept for ever is not there any more.",
        "Unpin it, or bring the checkpoint back from a backup.",
        Severity.NOTE,
    ),
)
