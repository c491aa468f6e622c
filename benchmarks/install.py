"""From nothing to the first page, as the README says it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.measure import Row

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 300.0


def rows() -> Iterator[Row]:
    """Clone the repository, run ``make up``, wait for the first page."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "holdfast"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        took = _first_page(clone, free_port())
        shutil.rmtree(clone, ignore_errors=True)
    note = "fresh clone, warm pip cache"
    yield Row(name="make up to the first page", value=took, unit="s", goal=60, note=note)


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _first_page(clone: Path, port: int) -> float:
    start = time.perf_counter()
    environment = {**os.environ, "PORT": str(port), "DEMO": "0"}
    up = subprocess.Popen(
        ["make", "up"], cwd=clone, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/accounts/login/", up)
        return time.perf_counter() - start
    finally:
        os.killpg(up.pid, signal.SIGINT)
        up.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a page answers. Raises TimeoutError, or ChildProcessError when it never will."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ChildProcessError(f"it ended with exit code {process.returncode}")
        try:
            if httpx.get(url, follow_redirects=True).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer within {LONGEST:.0f} s")
