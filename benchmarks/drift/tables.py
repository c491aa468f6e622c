"""What a module of this package hands over: figures beside their goals, and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Row
from benchmarks.tables import HEADINGS


class Missing(Exception):
    """Raised where a table cannot be measured; says in words what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A table of texts: the first cell of a row names it, the others are figures."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def goals(title: str, rows: Iterable[Row]) -> Comparison:
    """Make a table of figures beside their goals."""
    cells = [(row.name, row.measured, row.wanted, row.verdict, row.note) for row in rows]
    return Comparison(title=title, headings=HEADINGS, rows=cells)


def print_terminal(comparison: Comparison) -> None:
    """Print a table for a terminal."""
    table = Table(title=comparison.title, title_justify="left", box=None)
    for number, heading in enumerate(comparison.headings):
        table.add_column(heading, justify="right" if number in (1, 2) else "left")
    for row in comparison.rows:
        table.add_row(*(cell.replace("NOT REACHED", "[red]NOT REACHED[/]") for cell in row))
    Console(width=190).print(table)


def print_markdown(comparison: Comparison) -> None:
    """Print a table as the reference has it."""
    headings = comparison.headings
    print(f"\n## {comparison.title}\n\n| {' | '.join(headings)} |\n|{'---|' * len(headings)}")
    for row in comparison.rows:
        print(f"| {' | '.join(row)} |", flush=True)
