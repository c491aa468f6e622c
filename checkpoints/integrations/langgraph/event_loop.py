"""The saver's methods for event loops, made of those without: each runs in a thread."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from itertools import islice
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

PAGE: Final = 16
"""Items that are fetched in one go: a thread's turn for each would cost more than the item."""


def in_thread(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Return a coroutine function that calls a method in a thread."""

    @functools.wraps(method)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(method, self, *args, **kwargs)

    run.__name__ = f"a{method.__name__}"
    return run


def pages_in_thread(
    method: Callable[Concatenate[S, P], Iterator[T]],
) -> Callable[Concatenate[S, P], AsyncIterator[T]]:
    """Return an asynchronous iterator over what a method yields."""

    @functools.wraps(method)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        found = method(self, *args, **kwargs)
        while page := await asyncio.to_thread(lambda: list(islice(found, PAGE))):
            for item in page:
                yield item

    run.__name__ = f"a{method.__name__}"
    return run
