"""A whole Holdfast in processes of its own, as ``holdfast up`` starts it: web, worker, data."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = (
    "from checkpoints.cli.app import app; from dashboard.commands import register; "
    "register(app); app()"
)
RUNNING, LOGIN, ENDED = "Holdfast is running at ", "Log in: ", "\N{END OF TRANSMISSION}"
READY_SECONDS = 120.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Instance:
    """Where it answers, the link that logs in once, and where its data lies."""

    url: str
    login_url: str
    data_dir: Path


@contextmanager
def running_instance(data_dir: Path) -> Iterator[Instance]:
    """Start Holdfast on a free port without the demo, and stop it again."""
    environment = {
        **{name: value for name, value in os.environ.items() if "HOLDFAST" not in name},
        "HOLDFAST_ENV": "development",
        "HOLDFAST_DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", START, "up", "--no-demo", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=(data_dir / "up.log").open("wb"),
        text=True,
    )
    try:
        yield _announced(process, data_dir)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def push_token(instance: Instance) -> str:
    """Return a token with which agents may report to an instance."""
    words = ["token", "create", "--data-dir", str(instance.data_dir)]
    made = subprocess.run(
        [sys.executable, "-c", START, *words],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return made.stdout.strip()


def _announced(process: subprocess.Popen[str], data_dir: Path) -> Instance:
    """Wait for the two lines that it prints once it answers."""
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    found: dict[str, str] = {}
    while LOGIN not in found:
        line = lines.get(timeout=READY_SECONDS)
        if line == ENDED:
            log = (data_dir / "up.log").read_text(errors="replace")
            raise RuntimeError(f"it did not start; its log says:\n{log}")
        found |= {mark: line.removeprefix(mark) for mark in (RUNNING, LOGIN) if mark in line}
    return Instance(found[RUNNING], found[LOGIN], data_dir)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    if process.stdout is not None:
        for line in process.stdout:
            lines.put(line.strip())
    lines.put(ENDED)
