"""What each kind of finding means for those who use a store, and what can be done about it."""

from checkpoints.findings.grouping import FindingGroup, gravity, grouped
from checkpoints.findings.kinds import FindingKind, Severity
from checkpoints.findings.known import KINDS, kind_of

__all__ = ["KINDS", "FindingGroup", "FindingKind", "Severity", "gravity", "grouped", "kind_of"]
