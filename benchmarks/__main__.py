"""``python -m benchmarks [--quick] [--million] [--markdown] [SECTION …]``: print the table."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from benchmarks.machine import described
from benchmarks.measure import Row
from benchmarks.tables import TITLES, print_machine, print_markdown, print_table, print_why

SECTIONS = tuple(TITLES)


def main() -> None:
    """Run the named sections, or all; each in a process of its own."""
    chosen = _arguments()
    if chosen.one:
        printer = print_markdown if chosen.markdown else print_table
        printer(chosen.one, rows_of(chosen.one, quick=chosen.quick, million=chosen.million))
        return
    print_machine(described(), markdown=chosen.markdown)
    options = [name for name, value in vars(chosen).items() if value is True]
    for name in chosen.sections or SECTIONS:
        command = [sys.executable, "-m", "benchmarks", *(f"--{o}" for o in options), "--one", name]
        subprocess.run(command, check=True)
    if chosen.markdown:
        print_why()


def rows_of(section: str, *, quick: bool, million: bool = False) -> Iterator[Row]:
    """Return a section's rows; two of them have a quick run, the scans a very long one."""
    if section == "native":
        from benchmarks.native import scale
        from benchmarks.native.section import rows

        return rows(scale.QUICK if quick else scale.FULL)
    if section == "langgraph":
        from benchmarks import langgraph

        return langgraph.rows(quick=quick)
    if section == "scans":
        from benchmarks import scans

        return scans.rows(million=million)
    module: Callable[[], Iterator[Row]] = import_module(f"benchmarks.{section}").rows
    return module()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", type=_section, metavar="SECTION")
    parser.add_argument("--quick", action="store_true", help="smaller series, within 90 s")
    parser.add_argument("--million", action="store_true", help="scan a million checkpoints too")
    parser.add_argument("--markdown", action="store_true", help="as docs/reference has it")
    parser.add_argument("--one", choices=SECTIONS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _section(name: str) -> str:
    if name not in SECTIONS:
        raise argparse.ArgumentTypeError(f"there is no {name}; choose from {', '.join(SECTIONS)}")
    return name


if __name__ == "__main__":
    main()
