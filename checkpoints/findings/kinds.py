"""A kind of finding, and the words that several kinds share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How grave a kind of finding is."""

    LOST = "lost"
    """Something cannot be read any more, or is not what was saved."""
    RISK = "risk"
    """All can be read, yet a run may resume from something else than one expects."""
    NOTE = "note"
    """No run is in danger; it is good to know, or can be tidied up."""


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One kind of finding: its name as programs know it, and short texts for people."""

    name: str
    title: str
    consequence: str
    remedy: str
    severity: Severity


RESTORE: Final = "`holdfast restore URL --thread T --checkpoint ID --reason R`"
GO_BACK: Final = f"Restore a whole checkpoint of the thread, or a backup of the store: {RESTORE}."
REPAIR: Final = "`holdfast repair URL` moves it into quarantine, where its bytes are kept"
REBUILD: Final = "`holdfast rebuild URL` lists everything again from what lies in the store."
