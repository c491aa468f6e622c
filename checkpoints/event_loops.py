"""Calling what blocks from an event loop, and knowing later which loop that was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

P = ParamSpec("P")
R = TypeVar("R")

callers_loop: ContextVar[AbstractEventLoop | None] = ContextVar("callers_loop", default=None)
"""The loop that waits, in another thread, for what runs here; it can run coroutines meanwhile."""


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``call`` in a thread of the running loop's pool and return what it returns.

    A task that is cancelled stops waiting; the call ends by itself. StopIteration comes as the
    cause of a RuntimeError, as from every coroutine.
    """
    import asyncio

    token = callers_loop.set(asyncio.get_running_loop())
    try:
        return await asyncio.to_thread(_awaitable, partial(call, *args, **kwargs))
    finally:
        callers_loop.reset(token)


async def in_thread_to_its_end(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do the same for a call that must not go on unseen: a task that is cancelled waits for it."""
    import asyncio

    calling = asyncio.ensure_future(in_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        await until_done(calling)
        raise


def _awaitable(call: Callable[[], R]) -> R:
    """Call; a future can carry no StopIteration, and whoever awaits it would wait for ever."""
    try:
        return call()
    except StopIteration as error:
        raise RuntimeError("what was called raised StopIteration") from error


async def until_done(work: Future[Any]) -> None:
    """Wait until work is done, however often the waiting is cancelled."""
    import asyncio

    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([work])
