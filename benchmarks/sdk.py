"""What it costs to have the SDK at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Row, median_ms


def rows() -> Iterator[Row]:
    """Measure the import, apart from the start of the interpreter."""
    yield Row(name="import checkpoints", value=_import_ms(), unit="ms", goal=150)


def _import_ms() -> float:
    def run(code: str) -> float:
        return median_ms(lambda: subprocess.run([sys.executable, "-c", code], check=True), 9)

    return run("import checkpoints") - run("pass")
