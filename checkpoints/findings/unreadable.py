"""Kinds of finding: what cannot be read."""

from __future__ import annotations

from typing import Final

from checkpoints.findings.kinds import GO_BACK, REBUILD, REPAIR, RESTORE, FindingKind, Severity

UNREADABLE: Final = (
    FindingKind(
        "corrupt_checkpoint",
        "Damaged checkpoint",
        "Its state cannot be loaded; a run that should resume from it fails instead of going on.",
        f"{REPAIR}; then {RESTORE} with an older checkpoint, or bring back a backup.",
        Severity.LOST,
    ),
    FindingKind(
        "undecodable",
        "State cannot be read",
        "A run that resumes here fails, or its framework skips the checkpoint and starts from an "
        "older step without a word.",
        GO_BACK,
        Severity.LOST,
    ),
    FindingKind(
        "truncated",
        "Cut off",
        "The end of the state is missing, so a run that resumes here fails or starts from an older "
        "step without a word.",
        GO_BACK,
        Severity.LOST,
    ),
    FindingKind(
        "zero_length",
        "Empty file or body",
        "Nothing of the state is there: a run starts from an older step, or from nothing, without "
        "a word.",
        f"Delete the empty one after a look at the disk (was it full?). {GO_BACK}",
        Severity.LOST,
    ),
    FindingKind(
        "digest_mismatch",
        "Altered since it was first seen",
        "A run that resumes here goes on with values that the agent never saved.",
        "Find out who changed the store. Restore is refused here; restore an unaltered checkpoint: "
        f"{RESTORE}.",
        Severity.LOST,
    ),
    FindingKind(
        "severed_chain",
        "Values lie in checkpoints that are gone",
        "The framework puts such a value together from older checkpoints, and some are missing: it "
        "comes back shorter or empty without an error.",
        "Bring the missing checkpoints back from a backup, or restore one that stores the value "
        f"whole: {RESTORE}. Prune with `holdfast prune`, which keeps such chains.",
        Severity.LOST,
    ),
    FindingKind(
        "missing_blob",
        "A value is gone",
        "The checkpoint names a value that is not in the store; a run resumes without it.",
        f"Bring the value's row back from a backup, or restore a checkpoint that has all: "
        f"{RESTORE}.",
        Severity.LOST,
    ),
    FindingKind(
        "undecodable_metadata",
        "Metadata cannot be read",
        "Its step, source and agent are not known, and listings that filter by them leave it out.",
        f"The state may still load: look with `holdfast show URL ID`. {GO_BACK}",
        Severity.LOST,
    ),
    FindingKind(
        "undecodable_write",
        "A task's result cannot be read",
        "A run that resumes here fails when it takes up what its tasks had already done.",
        f"Restore the checkpoint itself, which starts its tasks again: {RESTORE}.",
        Severity.LOST,
    ),
    FindingKind(
        "unloadable",
        "Its framework cannot load it",
        "It can be read here, but a run that should resume from it fails or skips it.",
        f"Restore it, which writes a copy that can be loaded, or an older one: {RESTORE}.",
        Severity.RISK,
    ),
    FindingKind(
        "unknown_field",
        "A field that its framework does not know",
        "The framework refuses the whole state for that field; a run starts from an older step.",
        "Update the framework, or take the field out of the file.",
        Severity.RISK,
    ),
    FindingKind(
        "second_line",
        "More than one line",
        "Its framework reads one state and fails over what follows: two writers, or a broken save.",
        f"Keep the line that is whole in a file of its own. {GO_BACK}",
        Severity.LOST,
    ),
    FindingKind(
        "too_large",
        "Too large to be read",
        "It is not read here, so nothing is known of what it holds.",
        "Look at what makes it grow; prune old steps, or take large results out of the state.",
        Severity.RISK,
    ),
    FindingKind(
        "unreadable_file",
        "File cannot be opened",
        "Nothing is known of what it holds, and the framework cannot load it either.",
        "Let the user that runs this read the file, or take away what is not a regular file.",
        Severity.LOST,
    ),
    FindingKind(
        "lost_history",
        "A whole history is gone",
        "One file holds all checkpoints of a run, and it cannot be read: none of them can be "
        "resumed from.",
        "Bring the file back from a backup; what could be read of it is listed.",
        Severity.LOST,
    ),
    FindingKind(
        "lost_listing",
        "Not listed",
        "It is whole, but cannot be found by its name or in its thread.",
        REBUILD,
        Severity.RISK,
    ),
    FindingKind(
        "unopened",
        "Cannot be opened with the keys given",
        "Whether its state is whole is not known.",
        "Give the keys that it was saved with (HOLDFAST_STORE_KEYS), and verify again.",
        Severity.NOTE,
    ),
    FindingKind(
        "encrypted",
        "Encrypted, and no key is given",
        "It is listed, but its state cannot be shown, checked, compared or restored here.",
        "Give the store's key to the process that reads it; see the guide of its framework.",
        Severity.NOTE,
    ),
    FindingKind(
        "unusable_record",
        "Not indexed",
        "Its record says something that cannot be, so it is not on the dashboard.",
        "Look at the record in the store, and at the agent that wrote it.",
        Severity.RISK,
    ),
)
