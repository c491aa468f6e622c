"""Calling what may hang: in a thread or on a loop that can be left behind."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from collections.abc import Set as AbstractSet
from contextvars import Context
from queue import SimpleQueue
from typing import TYPE_CHECKING

from checkpoints.event_loops import callers_loop
from checkpoints.forks import renew_in_children

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

MOST_IDLE_WORKERS = 4


class Call:
    """One call, wherever it is carried out: its result or error, once it is over."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._given_up = False
        self._task: Task[None] | None = None
        self.result: object = None
        self.error: BaseException | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, well or not."""
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is over, for so long at most; return whether it is."""
        return self._over.wait(seconds)

    def work(self, work: Callable[[], object]) -> None:
        """Carry it out here. Not even SystemExit leaves the thread that was lent to it."""
        try:
            self.result = work()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            self.error = error

    def end(self) -> None:
        """Let whoever waits go on."""
        self._over.set()

    def begin_on(self, loop: AbstractEventLoop, awaitable: Awaitable[object]) -> None:
        """Begin it as a task. To be called on the loop; does nothing when it was given up."""
        if self._given_up:
            discard(awaitable)
            self.end()
        else:
            self._task = loop.create_task(self._await(awaitable))

    def give_up(self) -> None:
        """Cancel it, or never begin it. To be called on its loop."""
        self._given_up = True
        if self._task is not None:
            self._task.cancel()

    async def _await(self, awaitable: Awaitable[object]) -> None:
        try:
            self.result = await awaitable
        except BaseException as error:
            self.error = error
            if isinstance(error, KeyboardInterrupt) and _in_main_thread():
                raise
        finally:
            self.end()


class _Worker:
    """A thread that carries out one call after another."""

    def __init__(self, idle: deque[_Worker]) -> None:
        self._idle = idle
        self._calls: SimpleQueue[tuple[Call, Callable[[], object]]] = SimpleQueue()
        threading.Thread(target=self._serve, name="holdfast-hooks", daemon=True).start()

    def carry_out(self, call: Call, work: Callable[[], object]) -> None:
        self._calls.put((call, work))

    def _serve(self) -> None:
        lent = True
        while lent:
            call, work = self._calls.get()
            call.work(work)
            lent = len(self._idle) < MOST_IDLE_WORKERS
            if lent:
                self._idle.append(self)
            call.end()
            del call, work  # a state must not live on in a thread that waits


class _PrivateLoop:
    """A loop in a thread of its own."""

    def __init__(self) -> None:
        import asyncio

        self.loop = asyncio.new_event_loop()
        self._unanswered: set[Call] = set()
        threading.Thread(target=self._serve, name="holdfast-hooks-loop", daemon=True).start()

    @property
    def blocked(self) -> bool:
        """Whether a call that was given up keeps the loop from everything else."""
        return bool(self._unanswered)

    def give_up(self, call: Call) -> None:
        self._unanswered.add(call)
        self.loop.call_soon_threadsafe(self._answer, call)

    def _answer(self, call: Call) -> None:
        self._unanswered.discard(call)
        call.give_up()

    def _serve(self) -> None:
        self.loop.run_forever()


class Lanes:
    """The threads and the loops of this process in which hooks are called."""

    def __init__(self) -> None:
        self._left_by_parent: list[_PrivateLoop] = []
        self._begin()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin anew. A parent's loop is not finalised here, for it shares its descriptors."""
        self._left_by_parent += self._private
        callers_loop.set(None)
        self._begin()

    def _begin(self) -> None:
        self._idle: deque[_Worker] = deque()
        self._private: list[_PrivateLoop] = []
        self._lock = threading.Lock()

    def in_thread(self, work: Callable[[], object], seconds: float) -> Call:
        """Carry ``work`` out in a worker; return when it is over, or after so long.

        Raises RuntimeError when no thread can be started.
        """
        call = Call()
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker(self._idle)
        worker.carry_out(call, work)
        call.wait(seconds)
        return call

    def on_loop(
        self, loop: AbstractEventLoop, awaitable: Awaitable[object], around: Context, seconds: float
    ) -> Call:
        """Await it on a loop that another thread runs; return when it is over, or given up.

        Raises RuntimeError when the loop is closed.
        """
        call = _sent(loop, awaitable, around)
        if not call.wait(seconds):
            loop.call_soon_threadsafe(call.give_up)
        return call

    def on_private_loop(
        self,
        awaitable: Awaitable[object],
        around: Context,
        seconds: float,
        *,
        avoid: AbstractSet[AbstractEventLoop],
    ) -> Call:
        """Await it on a loop of our own; return when it is over, or given up.

        Raises RuntimeError when no thread can be started.
        """
        private = self._free_loop(avoid)
        call = _sent(private.loop, awaitable, around)
        if not call.wait(seconds):
            private.give_up(call)
        return call

    def _free_loop(self, avoid: AbstractSet[AbstractEventLoop]) -> _PrivateLoop:
        with self._lock:
            for private in self._private:
                if not private.blocked and private.loop not in avoid:
                    return private
            self._private.append(_PrivateLoop())
            return self._private[-1]


def _sent(loop: AbstractEventLoop, awaitable: Awaitable[object], around: Context) -> Call:
    call = Call()
    loop.call_soon_threadsafe(call.begin_on, loop, awaitable, context=around)
    return call


def discard(awaitable: object) -> None:
    """Let go of what will not be awaited, without a warning that it never was."""
    if isinstance(awaitable, Coroutine):
        awaitable.close()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


LANES = Lanes()
