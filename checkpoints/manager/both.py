"""One method for both worlds: ``manager.resume()`` blocks, ``await manager.resume.aio()`` does not.

The asynchronous form runs the same code in a thread, so that there is nothing to write twice and
nothing that can differ. A task that is cancelled while it waits leaves the call to end by itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from checkpoints.event_loops import in_thread, in_thread_to_its_end

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
Entered_co = TypeVar("Entered_co", covariant=True)


class BoundMethod(Generic[P, R]):
    """A method of one object: call it, or await its ``aio``."""

    def __init__(self, call: Callable[P, R]) -> None:
        self.__wrapped__ = call
        self.__doc__ = call.__doc__
        self.__name__ = getattr(call, "__name__", "")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.__wrapped__(*args, **kwargs)

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do the same without blocking the event loop."""
        return await in_thread(self.__wrapped__, *args, **kwargs)


class also_async(Generic[S, P, R]):  # noqa: N801 - read as a word beside its method
    """Give a method its ``aio``."""

    def __init__(self, function: Callable[Concatenate[S, P], R]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @overload
    def __get__(self, instance: None, owner: type[S]) -> Callable[Concatenate[S, P], R]: ...

    @overload
    def __get__(self, instance: S, owner: type[S] | None = None) -> BoundMethod[P, R]: ...

    def __get__(
        self, instance: S | None, owner: type[S] | None = None
    ) -> BoundMethod[P, R] | Callable[Concatenate[S, P], R]:
        if instance is None:
            return self.function
        return BoundMethod(self.function.__get__(instance, owner))


class OverridesAlsoAsync:
    """Gives an ``aio`` to plain methods of subclasses that override one which has it."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name, value in list(vars(cls).items()):
            if inspect.isfunction(value) and _has_aio(cls, name):
                setattr(cls, name, also_async(value))


def _has_aio(cls: type, name: str) -> bool:
    bases = (vars(base).get(name) for base in cls.__mro__[1:])
    return any(isinstance(found, also_async) for found in bases)


class Blocking(Protocol[Entered_co]):
    """A context manager whose two ends may block."""

    def __enter__(self) -> Entered_co: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool | None: ...


class AlsoAsync:
    """Makes a context manager one for ``async with`` too.

    A task that is cancelled waits until the end at which it stands is done; what was entered by
    then is left again.
    """

    async def __aenter__(self: Blocking[Entered_co]) -> Entered_co:
        entered: list[Entered_co] = []
        try:
            await in_thread_to_its_end(lambda: entered.append(self.__enter__()))
        except BaseException as error:
            if entered:
                await in_thread_to_its_end(self.__exit__, type(error), error, error.__traceback__)
            raise
        return entered[0]

    async def __aexit__(
        self: Blocking[object],
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await in_thread_to_its_end(self.__exit__, kind, error, traceback)
