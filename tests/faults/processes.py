"""Starting, finding and killing real processes of an installation in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0
HOLDFAST = "import typer; from dashboard.commands import register; app = typer.Typer(); "
HOLDFAST += "register(app); app(prog_name='holdfast')"


def wait_until(
    condition: Callable[[], object], *, what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait for a condition; fail with ``what`` when it does not come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in {seconds:g} s not: {what}"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Installation:
    """One data folder and the processes that carry its name in their environment."""

    data_dir: Path
    database_url: str = ""

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOLDFAST_", "DJANGO_"))}
        return {
            **kept,
            "HOLDFAST_DATA_DIR": str(self.data_dir),
            "HOLDFAST_DATABASE_URL": self.database_url,
            "HOLDFAST_ENV": "development",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }

    def start(
        self, *command: str, stderr: Path | None = None, stdin: int | None = None
    ) -> subprocess.Popen[str]:
        """Start a Python process of this installation in a session of its own."""
        with contextlib.ExitStack() as stack:
            errors = stack.enter_context(stderr.open("a")) if stderr else None
            return subprocess.Popen(
                [sys.executable, *command],
                env=self.environment(),
                cwd=ROOT,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a Python process of this installation to its end."""
        return subprocess.run(
            [sys.executable, *command],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def processes(self, word: str = "") -> list[int]:
        """Return the ids of the living processes whose command line holds ``word``."""
        return [pid for pid in _all_processes() if self._owns(pid) and word in _command(pid)]

    def _owns(self, pid: int) -> bool:
        return f"HOLDFAST_DATA_DIR={self.data_dir}\0" in _read(pid, "environ")

    def kill_all(self) -> None:
        """Leave nothing behind, whatever a test did."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _all_processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _command(pid: int) -> str:
    return _read(pid, "cmdline").replace("\0", " ")


def _read(pid: int, name: str) -> str:
    try:
        return (Path("/proc") / str(pid) / name).read_text(errors="replace")
    except OSError:
        return ""
