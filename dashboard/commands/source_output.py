"""How sources are shown in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from checkpoints.cli import output

if TYPE_CHECKING:
    from dashboard.selectors.sources import SourceRow
    from dashboard.services.source_tests import SourceTest

_MARKS = {True: "[green]✓[/]", False: "[red]✕[/]", None: "[dim]–[/]"}


def print_sources(rows: Sequence[SourceRow], *, as_json: bool) -> None:
    """Print sources, one line each."""
    if as_json:
        output.print_json([source_json(row) for row in rows])
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("id", "name", "kind", "health", "checkpoints", "credentials", "address"):
        table.add_column(name, overflow="fold")
    for row in rows:
        source = row.source
        health = source.health if source.connected else "only reported"
        count = f"{row.checkpoints:,}{' so far' if row.is_being_read else ''}"
        cells = (source.pk, source.name, source.kind, health, count, row.credentials, source.url)
        table.add_row(*map(output.shown, cells))
    output.console.print(table)


def source_json(row: SourceRow) -> dict[str, Any]:
    """Return a source as the API answers it."""
    from dashboard.api.source_schemas import SourceOut
    from dashboard.api.sources import answer

    found: dict[str, Any] = SourceOut.model_validate(answer(row)).model_dump(mode="json")
    return found


def print_test(test: SourceTest, *, as_json: bool) -> None:
    """Print what a look at a store came to, step by step."""
    if as_json:
        from dashboard.api.source_schemas import SourceTestOut

        output.print_json(SourceTestOut.model_validate(test).model_dump(mode="json"))
        return
    for step in test.steps:
        words = step.refused if step.ok is False else step.words
        output.console.print(f"{_MARKS[step.ok]} {words:<16}{output.shown(step.said)}".rstrip())
    output.console.print(output.shown(test.message))
    if test.undecided:
        for one in test.candidates:
            output.console.print(f"  {output.shown(one.url)}  {output.shown(one.because)}")
