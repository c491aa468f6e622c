"""How commands show findings: by their kind, with what follows from it and what can be done."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from rich.markup import escape

from checkpoints.cli.output import console, shown
from checkpoints.findings import FindingGroup, Severity, grouped
from checkpoints.records import Finding

PLACES: Final = 3
"""Places of one kind that are shown."""
_WIDTH: Final = 80
_INDENT: Final = "  "
_COLOURS: Final = {Severity.LOST: "red", Severity.RISK: "yellow", Severity.NOTE: "cyan"}


def print_findings(findings: Iterable[Finding]) -> None:
    """Print what is wrong by its kind, gravest first, or that nothing is."""
    groups = grouped(findings, places=PLACES)
    if not groups:
        console.print("everything reads back as it was saved")
    for number, group in enumerate(groups):
        if number:
            console.print()
        for line in _lines(group):
            console.print(line, highlight=False)


def _lines(group: FindingGroup) -> Iterator[str]:
    kind = group.kind
    colour = _COLOURS[kind.severity]
    yield f"[bold {colour}]{escape(kind.title)}[/] ({escape(kind.name)}): {group.count:,}"
    yield from _wrapped(kind.consequence)
    for finding in group.first:
        yield from _place(finding)
    if group.count > len(group.first):
        yield f"{_INDENT}[dim]… and {group.count - len(group.first):,} more; --json names all[/]"
    yield from _wrapped(f"What can be done: {kind.remedy}")


def _place(finding: Finding) -> Iterator[str]:
    where = " ".join(shown(part) for part in (finding.thread_id, finding.checkpoint_id) if part)
    if where:
        yield f"{_INDENT}[dim]•[/] {where}"
    else:
        yield f"{_INDENT}[dim]•[/] the store"
    yield from _wrapped(shown(finding.message), indent=_INDENT * 2)


def _wrapped(text: str, *, indent: str = _INDENT) -> list[str]:
    return textwrap.wrap(
        text,
        min(console.width, _WIDTH),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
