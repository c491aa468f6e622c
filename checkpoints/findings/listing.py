"""Kinds of finding: the store around its checkpoints."""

from __future__ import annotations

from typing import Final

from checkpoints.findings.kinds import REBUILD, REPAIR, FindingKind, Severity

LISTING: Final = (
    FindingKind(
        "unreadable_store",
        "Store cannot be read",
        "Nothing can be listed, resumed or restored.",
        "`holdfast repair URL` saves what can be read; else bring back a backup.",
        Severity.LOST,
    ),
    FindingKind(
        "damaged_file",
        "Database file is damaged",
        "Some rows cannot be read or may be missing, and saves may fail.",
        "`holdfast repair URL` where it is a store of Holdfast's; else stop the writers, copy "
        "the file and run `sqlite3 FILE .recover`.",
        Severity.LOST,
    ),
    FindingKind(
        "replaced",
        "Replaced while it was read",
        "What was found is about the file that lay there before.",
        "Verify again once nothing moves or replaces the file.",
        Severity.NOTE,
    ),
    FindingKind(
        "lost_store",
        "Store has lost its name",
        "Saves are refused until it is listed again; the checkpoints are there.",
        REBUILD,
        Severity.LOST,
    ),
    FindingKind(
        "lost_thread",
        "Thread is not listed",
        "Its checkpoints are there, but no run can find them.",
        REBUILD,
        Severity.LOST,
    ),
    FindingKind(
        "damaged_thread",
        "Thread cannot be read",
        "None of its checkpoints can be resumed from until it is listed again.",
        REBUILD,
        Severity.LOST,
    ),
    FindingKind(
        "damaged_journal",
        "Journal is damaged",
        "What the damaged line told of is not listed.",
        REBUILD,
        Severity.LOST,
    ),
    FindingKind(
        "torn_journal",
        "Journal ends in an unfinished line",
        "A save was cut short. It was never acknowledged, so nothing is lost.",
        "Nothing: the next save cuts it off.",
        Severity.NOTE,
    ),
    FindingKind(
        "wrong_count",
        "Wrong count",
        "Listings say another number than there is; states are whole.",
        REBUILD,
        Severity.NOTE,
    ),
    FindingKind(
        "corrupt_entry",
        "Damaged journal entry",
        "What it remembered is lost: an effect may be done again by a run that resumes.",
        f"{REPAIR}. Check by hand whether the effect was done.",
        Severity.LOST,
    ),
    FindingKind(
        "orphaned_writes",
        "Results of tasks whose checkpoint is gone",
        "They take up room; nothing reads them.",
        "`holdfast prune URL` takes results along with their checkpoints; these were left by "
        "something else and can be deleted.",
        Severity.NOTE,
    ),
    FindingKind(
        "unlisted_file",
        "File that is not listed",
        "Its save was never acknowledged, or the line that told of it is damaged.",
        REBUILD,
        Severity.NOTE,
    ),
    FindingKind(
        "leftover_file",
        "Leftover of an interrupted save",
        "It takes up room; nothing reads it.",
        "Delete it once no agent is saving.",
        Severity.NOTE,
    ),
)
