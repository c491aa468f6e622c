"""What reporting to a dashboard costs the agent, whatever the dashboard does."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks import states
from benchmarks.measure import Row, p99, seconds
from checkpoints import CheckpointManager
from checkpoints.records import Checkpoint, Head
from checkpoints.reporting import Reporter

SAVES = 1000
BLOCK = 100
"""Saves in a row, with a reporter and then without, so that the machine's noise hits both."""
GOAL_MS = 5
FAILING = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Failing(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(500)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
print(server.server_port, flush=True)
server.serve_forever()
"""


class TimedReporter(Reporter):
    """Notes how long each report keeps the agent, in seconds."""

    took: list[float]

    def report(self, store_url: str, checkpoint: Checkpoint, head: Head | None) -> None:
        """Report, timed."""
        told = partial(super().report, store_url, checkpoint, head)
        self.took.append(seconds(told))


@contextmanager
def _away() -> Iterator[str]:
    """Give the address of a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def _hanging() -> Iterator[str]:
    """Take connections and never answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def _failing() -> Iterator[str]:
    """Answer 500 from a process of its own."""
    command = [sys.executable, "-c", FAILING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the failing server has no output to name its port on")
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


TROUBLES: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "away": _away,
    "hanging": _hanging,
    "answering 500": _failing,
}


def rows() -> Iterator[Row]:
    """Save in turn without a dashboard and with each that is in trouble."""
    for name, trouble in TROUBLES.items():
        with trouble() as url, tempfile.TemporaryDirectory() as folder:
            reporter = TimedReporter(url, "hf_secret", spool=Path(folder) / "spool")
            reporter.took = []
            took, alone = _in_turn(Path(folder), reporter)
            reporter.close(0.1)
        yield _report_row(name, reporter.took)
        yield _save_row(name, took, alone)


def _in_turn(folder: Path, reporter: Reporter) -> tuple[list[float], list[float]]:
    """Return how long saves of 4 KB take with and without a reporter, in seconds."""
    managers = [
        CheckpointManager("bench", store=f"sqlite:///{folder}/{name}.db", reporter=given)
        for name, given in (("reported", reporter), ("alone", None))
    ]
    took: tuple[list[float], list[float]] = ([], [])
    series = states.small(SAVES)
    while block := list(islice(series, BLOCK)):
        for manager, times in zip(managers, took, strict=True):
            for state in block:
                times.append(seconds(partial(manager.create_checkpoint, state=state)))
    for manager in managers:
        manager.store.close()
    return took


def _report_row(name: str, took: list[float]) -> Row:
    note = f"median {median(took) * 1e6:.0f} µs, longest {max(took) * 1000:.2f} ms, {SAVES:,} saves"
    value = p99(took) * 1000
    return Row(
        name=f"report() with the dashboard {name}, p99",
        value=value,
        unit="ms",
        goal=GOAL_MS,
        note=note,
    )


def _save_row(name: str, took: list[float], alone: list[float]) -> Row:
    note = (
        f"medians {median(took) * 1000:.2f} and {median(alone) * 1000:.2f} ms, "
        f"p99 {p99(took) * 1000:.2f} and {p99(alone) * 1000:.2f} ms"
    )
    return Row(
        name=f"save with the dashboard {name}, beyond one without",
        value=(median(took) - median(alone)) * 1000,
        unit="ms",
        goal=GOAL_MS,
        note=note,
    )
