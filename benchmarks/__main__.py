"""``python -m benchmarks [sdk|index|restore|install …]``: measure and print the table."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from benchmarks import index, install, restore, sdk
from benchmarks.measure import Row

SECTIONS: dict[str, Callable[[], Iterator[Row]]] = {
    "sdk": sdk.rows,
    "index": index.rows,
    "restore": restore.rows,
    "install": install.rows,
}


def main() -> None:
    """Run the named sections, or all; each in a process of its own."""
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        print_section(sys.argv[2])
        return
    console = Console(width=130)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    for name in sys.argv[1:] or SECTIONS:
        subprocess.run([sys.executable, "-m", "benchmarks", "--one", name], check=True)


def print_section(name: str) -> None:
    """Print one section's rows."""
    console = Console(width=130)
    table = Table(title=name, title_justify="left", box=None)
    table.add_column("what", min_width=52)
    table.add_column("measured", justify="right")
    table.add_column("goal", justify="right")
    table.add_column("")
    table.add_column("")
    for row in SECTIONS[name]():
        goal = "" if row.goal is None else f"≤ {row.goal:g} {row.unit}"
        verdict = {None: "", True: "reached", False: "[red]not reached[/]"}[row.reached]
        table.add_row(row.name, f"{row.value:.3g} {row.unit}", goal, verdict, row.note)
    console.print(table)


if __name__ == "__main__":
    main()
