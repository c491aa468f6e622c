"""The record of who did what: appended under a chain of hashes, checked, handed out."""

from dashboard.services.audit.checking import Finding
from dashboard.services.audit.exporting import Format, UnreadableExport, lines, verify_file
from dashboard.services.audit.recording import record
from dashboard.services.audit.verifying import Verification, check, verify

__all__ = [
    "Finding",
    "Format",
    "UnreadableExport",
    "Verification",
    "check",
    "lines",
    "record",
    "verify",
    "verify_file",
]
