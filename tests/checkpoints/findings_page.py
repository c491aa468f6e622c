"""Writes docs/reference/findings.md: every kind of finding, what it means, what can be done.

Run it with ``python -m tests.checkpoints.findings_page`` after a kind has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from checkpoints.findings import KINDS, FindingKind, Severity, gravity

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "findings.md"
HEAD = """# Findings

`holdfast verify URL` reads everything in a store, of Holdfast's own or of another framework, and \
names what is wrong; **Verify** in the dashboard's list of sources does the same and keeps what it \
found. Each finding has a kind. The same damage has the same kind in every store; its message says \
what is wrong in that place.

A finding on the dashboard says when it was first seen and when last. When a later verification \
of everything sees it no more, it is marked as gone and stays in the list of what is gone for \
30 days. What only `--deep` shows is not gone after a reading that was not deep.

Verifying on the dashboard also compares the digest of each checkpoint with the one that the \
index took when it first saw it. Stores without checksums of their own, such as Kaizen's and \
LangGraph's, tell nothing of a value that somebody edited: only this comparison does \
(`digest_mismatch`).

`URL` stands for the store, `T` for a thread, `ID` for a checkpoint and `R` for a reason.

<!-- The rest is written by python -m tests.checkpoints.findings_page. -->
"""
TITLES = {
    Severity.LOST: "Lost: something cannot be read, or is not what was saved",
    Severity.RISK: "Risk: all can be read, yet a run may resume from something else",
    Severity.NOTE: "Note: no run is in danger",
}


def page() -> str:
    """Return the page as it should be."""
    return "\n".join([HEAD, *(line for severity in Severity for line in _section(severity))])


def _section(severity: Severity) -> Iterator[str]:
    yield f"## {TITLES[severity]}"
    yield ""
    yield "| Kind | What it means | What can be done |"
    yield "|---|---|---|"
    for kind in sorted(KINDS.values(), key=gravity):
        if kind.severity is severity:
            yield _row(kind)
    yield ""


def _row(kind: FindingKind) -> str:
    return f"| **{kind.title}** `{kind.name}` | {kind.consequence} | {kind.remedy} |"


if __name__ == "__main__":
    PAGE.write_text(page())
