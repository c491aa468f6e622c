"""Starting the processes of these tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without settings of Holdfast's."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith("HOLDFAST_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def start(module: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start ``python -m tests.faults.stores.<module>`` with pipes to it and from it."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.stores.{module}", *arguments],
        env=environment(**more),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """Read what a process wrote until its end; a last line that was cut off is left out."""
    assert process.stdout is not None
    lines = process.stdout.readlines()
    process.wait()
    return [line for line in lines if line.endswith("\n")]


def first_line_of(process: subprocess.Popen[str]) -> str:
    """Wait for the first line."""
    assert process.stdout is not None
    return process.stdout.readline()
