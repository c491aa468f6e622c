"""A child process that saves into the scratch store, and how it is spoken to: in lines."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any, Self

from checkpoints.selftest.outcomes import DidNotHold, require

PATIENCE = 60.0
"""Seconds after which a child is given up; a store that waits for ever must not stop the test."""


class Child:
    """A process that runs a task, killed at the latest when its check ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._late = False
        self._timer = threading.Timer(PATIENCE, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    @classmethod
    def start(cls, task: str, url: str, opener: Callable[[str], Any]) -> Self:
        """Start a task. It is out of reach of the terminal's Ctrl-C: this process ends it."""
        name = f"{opener.__module__}:{opener.__qualname__}"
        process = subprocess.Popen(  # noqa: S603 - this Python, with words of our own
            [sys.executable, "-m", "checkpoints.selftest.tasks", task, url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        return cls(process)

    def lines(self) -> Iterator[str]:
        """Yield each whole line that the child prints, until it ends."""
        for line in _pipe(self._process.stdout):
            if line.endswith("\n"):
                yield line[:-1]
        if self._late:
            raise DidNotHold(f"a process that used the store came to no end in {PATIENCE:.0f} s")

    def answer(self) -> str:
        """Return the next line. Raises DidNotHold when the child ended instead."""
        for line in self.lines():
            return line
        raise DidNotHold("a process that used the store ended without an answer")

    def require_clean_end(self) -> None:
        """End the check unless the child came to its end by itself and without an error."""
        code = self._process.wait()
        require(code == 0, f"a process that used the store ended with the code {code}")

    def tell(self, line: str) -> None:
        """Send a line."""
        pipe = _pipe(self._process.stdin)
        try:
            pipe.write(f"{line}\n")
            pipe.flush()
        except BrokenPipeError:
            raise DidNotHold("a process that used the store ended too early") from None

    def kill(self) -> None:
        """End the child at once, in the middle of whatever it does."""
        self._timer.cancel()
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the child and let go of its pipes."""
        self.kill()
        _pipe(self._process.stdout).close()
        with contextlib.suppress(BrokenPipeError):
            _pipe(self._process.stdin).close()

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep signals waiting while a child begins: one that nobody knows yet would never be ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise TypeError("the child was started without pipes")
    return pipe
