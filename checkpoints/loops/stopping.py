"""Ending a loop between two steps: on a signal, or because somebody asks."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, Final, Generic, ParamSpec, Self, TypeVar

from checkpoints.errors import CheckpointError
from checkpoints.event_loops import in_thread, until_done

logger = logging.getLogger("checkpoints")

P = ParamSpec("P")
R = TypeVar("R")

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_LOOKS: Final = 0.1
"""Seconds between two looks at whether somebody asks; a handler of signals may wake no waiter."""


class Stopped(CheckpointError):
    """Somebody asked for the end before it was reached; it is saved, and goes on when run again."""


class Stop:
    """A wish that a loop ends after the step in hand; ``asked_by`` says whose.

    While it is entered, in the main thread, a first signal is such a wish. A second one takes the
    way that it would have taken without us, so SIGTERM ends the process at once. The handlers
    that were there before come back at the end. In other threads signals are left alone.
    """

    def __init__(self, signals: Sequence[signal.Signals] = SIGNALS) -> None:
        self._signals = tuple(signals)
        self._before: dict[int, Any] = {}
        self.asked_by: str | None = None

    def ask(self, by: str) -> None:
        """Ask the loop to end after the step in hand; it may be called from any thread."""
        self.asked_by = self.asked_by or by

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until somebody asks."""
        end = time.monotonic() + seconds
        while self.asked_by is None and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOKS))

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._asked) for each in self._signals}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._put_back()

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        if self.asked_by is None:
            self.ask(signal.Signals(number).name)
            return
        self._put_back()
        os.kill(os.getpid(), number)

    def _put_back(self) -> None:
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class Stoppable(Generic[P, R]):
    """A function that takes ``stop``, a ``Stop``: call it, or await its ``aio``.

    ``aio`` runs the same code in a thread; coroutines that it calls run on the caller's loop. When
    the awaiting task is cancelled the function is asked to stop, and the cancellation goes on once
    it has. ``signals`` are those that ask it to, unless it is called with a ``Stop`` that says.
    """

    def __init__(
        self, function: Callable[P, R], *, signals: Sequence[signal.Signals] = SIGNALS
    ) -> None:
        self._signals = signals
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __call__(self, *args: P.args, **options: P.kwargs) -> R:
        with self._stop_of(options) as stop:
            return self._stoppable(stop)(*args, **options)

    async def aio(self, *args: P.args, **options: P.kwargs) -> R:
        """Do the same without blocking the event loop."""
        with self._stop_of(options) as stop:
            work = asyncio.ensure_future(in_thread(self._stoppable(stop), *args, **options))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.ask("cancelled")
                await until_done(work)
                _log_failure(work)
                raise

    def _stoppable(self, stop: Stop) -> Callable[P, R]:
        def call(*args: P.args, **options: P.kwargs) -> R:
            options["stop"] = stop
            return self.__wrapped__(*args, **options)

        return call

    def _stop_of(self, options: Mapping[str, Any]) -> Stop:
        given = options.get("stop")
        return given if isinstance(given, Stop) else Stop(self._signals)


def _log_failure(work: asyncio.Future[Any]) -> None:
    """Say what the function raised when nobody waits for it any more."""
    error = None if work.cancelled() else work.exception()
    if error is not None and not isinstance(error, Stopped):
        logger.error("it failed while it was being cancelled: %s", error)
