"""From the click on "Restore" to the operation's end, over HTTP against the embedded mode."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx

from benchmarks.install import free_port
from benchmarks.measure import Row
from checkpoints import CheckpointManager

RUNS = 7
STEPS = 40
_HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|plan_token|idempotency_key)" value="([^"]*)"')
_CHECKPOINT = re.compile(r"/checkpoints/(\d+)/")
_RUNNING = "hx-trigger"


def rows() -> Iterator[Row]:
    """Start everything, restore a few times, stop everything."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/agents.db"
        with CheckpointManager("bench", store=store) as manager:
            for n in range(STEPS):
                manager.create_checkpoint(state={"n": n})
        with Embedded(Path(folder)) as holdfast:
            oldest_first = holdfast.add_source(store)
            took = [holdfast.restore(number) for number in oldest_first[:RUNS]]
    note = f"median of {len(took)}, slowest {max(took):.2f} s"
    yield Row(name="restore, click to done", value=median(took), unit="s", goal=2, note=note)


class Embedded:
    """``holdfast up`` on a free port, and a logged-in operator."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        environment = {**os.environ, "HOLDFAST_DATA_DIR": str(folder / "data"), "DEMO": "0"}
        program = Path(sys.executable).with_name("holdfast")
        self._process = subprocess.Popen(
            [str(program), "up", "--port", str(self._port)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}", follow_redirects=True, timeout=30
        )

    def __enter__(self) -> Embedded:
        stdout = self._process.stdout
        line = next((text for text in stdout or () if text.startswith("Log in: ")), None)
        if line is None:
            raise RuntimeError("holdfast up did not print a login link")
        self._client.get(line.removeprefix("Log in: ").strip())
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def add_source(self, url: str) -> list[int]:
        """Add a store, wait until it has been read, and return its checkpoints, oldest first."""
        form = dict(_HIDDEN.findall(self._client.get("/sources/").text))
        self._client.post("/sources/add/", data={**form, "url": url, "name": "bench"})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            agent = re.search(r"/agents/\d+/", self._client.get("/agents/").text)
            if agent is not None:
                found = _CHECKPOINT.findall(self._client.get(agent[0]).text)
                return sorted({int(number) for number in found})
            time.sleep(0.2)
        raise TimeoutError("the store was not read within 30 s")

    def restore(self, number: int) -> float:
        """Restore a checkpoint and return the seconds from the click to the end."""
        address = f"/checkpoints/{number}/restore/"
        form = dict(_HIDDEN.findall(self._client.get(address).text))
        start = time.perf_counter()
        answer = self._client.post(address, data={**form, "reason": "benchmark"})
        status = f"{answer.url.path.rstrip('/')}/status/"
        while _RUNNING in self._client.get(status).text:
            if time.perf_counter() - start > 60:
                raise TimeoutError(f"{status} did not end within 60 s")
            time.sleep(0.05)
        took = time.perf_counter() - start
        if "succeeded" not in self._client.get(status).text.lower():
            raise RuntimeError(f"{status} did not succeed")
        return took
