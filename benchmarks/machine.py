"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PEERS = ("kailash-kaizen", "langgraph-checkpoint-sqlite", "zstandard", "orjson")


def described() -> list[str]:
    """Return lines that name processor, disk, kernel, interpreter, SQLite, peers and load."""
    peers = ", ".join(f"{name} {_version(name)}" for name in PEERS)
    system = f"{platform.system()} {platform.release()}"
    load = f"load {os.getloadavg()[0]:.1f} before the run"
    return [
        f"{_processor()}, {os.cpu_count()} cores, {system}, temporary files on {_file_system()}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {peers}",
        f"{load}; where that is much, p99 and what many writers do say little",
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _processor() -> str:
    """Return the processor's model, or its architecture where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]} ({platform.machine()})" if models else platform.machine()


def _file_system() -> str:
    """Return the type of the file system that the benchmarks write to."""
    command = ["df", "-PT", tempfile.gettempdir()]
    try:
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "an unknown file system"
    return answer.splitlines()[1].split()[1]
