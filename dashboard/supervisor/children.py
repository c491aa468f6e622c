"""A child process and when it is started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

from dashboard.supervisor.lifeline import tied_to

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STEADY_AFTER_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """What to run. One that may finish is not started again after it exits with 0.

    One that can wait is started when the others are ready, so as not to slow them down.
    """

    name: str
    command: tuple[str, ...]
    may_finish: bool = False
    can_wait: bool = False
    pass_fds: tuple[int, ...] = ()


class Child:
    """A process that is started again, ever more slowly, whenever it dies. Times are seconds."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.failures = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at: float | None = 0.0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def tend(self, now: float) -> None:
        """Start the process when it is due; notice when it has died."""
        if self._process is not None and not self.running:
            self._bury(self._process.returncode, now)
        if self._process is None and self._start_at is not None and now >= self._start_at:
            self._start(now)

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None and self.running:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for the end; after ``seconds`` kill the process with all that it started."""
        if self._process is None:
            return
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            _say(f"{self.spec.name} did not end in time and was killed")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _start(self, now: float) -> None:
        self._started_at = now
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            self.spec.command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            pass_fds=self.spec.pass_fds,
            start_new_session=True,
            preexec_fn=tied_to(os.getpid()),  # noqa: PLW1509 - the supervisor has one thread
        )

    def _bury(self, code: int, now: float) -> None:
        self._process = None
        if code == 0 and self.spec.may_finish:
            self._start_at = None
            return
        self.failures = 1 if now - self._started_at > STEADY_AFTER_SECONDS else self.failures + 1
        delay = min(FIRST_DELAY_SECONDS * 2 ** (self.failures - 1), LONGEST_DELAY_SECONDS)
        self._start_at = now + delay
        _say(f"{self.spec.name} {_ending(code)}; starting it again in {delay:g} s")


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _say(message: str) -> None:
    print(f"holdfast: {message}", file=sys.stderr, flush=True)  # noqa: T201 - the supervisor's log
