"""Calling a step, a model or a critic, whether it is a plain function or a coroutine function."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from checkpoints.event_loops import callers_loop


class Calls:
    """Calls anything and waits for what it gives.

    Coroutines run on the event loop that the caller awaits on (``run_loop.aio``), and otherwise on
    one loop that lives until the block ends, so that clients opened in one step serve the next.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def __call__(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Return the result. Whatever the function raises comes through as it is."""
        result = function(*args, **options)
        return self._awaited(result) if inspect.isawaitable(result) else result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        coroutine = _coroutine(awaitable)
        if _in_event_loop():
            coroutine.close()
            raise RuntimeError(
                "an event loop runs in this thread and would wait for itself; await the .aio form"
            )
        loop = callers_loop.get()
        if loop is not None:
            return _result_on(loop, coroutine)
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(coroutine)


def _result_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
    except concurrent.futures.CancelledError as error:
        raise asyncio.CancelledError(*error.args) from error


async def _waited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _coroutine(awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    return awaitable if inspect.iscoroutine(awaitable) else _waited(awaitable)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
