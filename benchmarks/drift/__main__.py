"""``python -m benchmarks.drift [--markdown] [MODULE …]``: measure and print the tables of drift.

A module of this package that has a function ``tables()``, which yields
:class:`~benchmarks.drift.tables.Comparison`, is a part of the run; nothing else has to name it.
"""

from __future__ import annotations

import argparse
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import benchmarks.drift
from benchmarks.drift.tables import Missing, print_markdown, print_terminal
from benchmarks.machine import described


def main() -> None:
    """Print the tables of the named modules, or of all."""
    parts = dict(_parts())
    chosen = _arguments(sorted(parts))
    print("\n".join(described()), flush=True)
    for name in chosen.modules or sorted(parts):
        try:
            for table in parts[name].tables():
                (print_markdown if chosen.markdown else print_terminal)(table)
        except Missing as missing:
            print(f"\n{name}: skipped. {missing}", flush=True)


def _parts() -> Iterator[tuple[str, ModuleType]]:
    for found in pkgutil.iter_modules(benchmarks.drift.__path__):
        if found.name != "__main__":
            module = import_module(f"benchmarks.drift.{found.name}")
            if hasattr(module, "tables"):
                yield found.name, module


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(names)}")
    parser.add_argument("--markdown", action="store_true", help="as docs/reference has it")
    chosen = parser.parse_args()
    for name in chosen.modules:
        if name not in names:
            parser.error(f"there is no {name}; choose from {', '.join(names)}")
    return chosen


if __name__ == "__main__":
    main()
