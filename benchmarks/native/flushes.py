"""Count what a program flushes to the disk, by strace or a library put before libc's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SHIM = Path(__file__).with_name("flushes.c")
_FLUSHED = re.compile(r"^(?:\d+ +)?f(?:data)?sync\(\d+<([^>]*)>", re.MULTILINE)


def flushed_by(command: Sequence[str]) -> list[str] | None:
    """Run a command and return the path of each flush, or None where nothing can count them."""
    with tempfile.TemporaryDirectory() as folder:
        return _traced(command, Path(folder)) if _can_trace() else _shimmed(command, Path(folder))


def _can_trace() -> bool:
    """Say whether strace is here and may trace."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0


def _traced(command: Sequence[str], folder: Path) -> list[str]:
    log = folder / "log"
    options = ["-f", "-y", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", str(log)]
    subprocess.run(["strace", *options, *command], check=True)
    return _FLUSHED.findall(log.read_text("utf-8", "replace"))


def _shimmed(command: Sequence[str], folder: Path) -> list[str] | None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    library, log = folder / "flushes.so", folder / "log"
    build = [compiler, "-shared", "-fPIC", "-o", str(library), str(SHIM), "-ldl"]
    subprocess.run(build, check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "FLUSH_LOG": str(log)}
    subprocess.run(command, check=True, env=environment)
    return log.read_text("utf-8", "replace").splitlines() if log.exists() else []
