"""Checkpoints for anything: a decorator for a function, a context manager for a block."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from checkpoints.manager import CheckpointManager
from checkpoints.manager.both import AlsoAsync

M = ParamSpec("M")
P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F")


def _with_settings_of(
    _manager: Callable[M, object],
) -> Callable[[Callable[..., F]], Callable[M, F]]:
    """Give a function the parameters of the manager, for type checkers and readers."""
    return lambda function: cast("Callable[M, F]", function)


class Checkpointing(AlsoAsync):
    """Opens a manager, resumes, and saves how the block ends."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._args = args
        self._settings = settings
        self._stack = ExitStack()

    def __enter__(self) -> CheckpointManager:
        with ExitStack() as stack:
            manager = stack.enter_context(CheckpointManager(*self._args, **self._settings))
            stack.enter_context(manager.run())
            self._stack = stack.pop_all()
        return manager

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)


class Checkpointed:
    """The decorator; see :func:`checkpointed`."""

    def __init__(self, *args: Any, thread: str = "main", **settings: Any) -> None:
        self._args = args
        self._thread = thread
        self._settings = settings

    def __call__(self, function: Callable[Concatenate[CheckpointManager, P], R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator, which runs after it was called; write "
                "`with checkpointing(...)` inside it"
            )
        signature = inspect.signature(function)
        opened = functools.partial(self._opened, signature)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                async with opened(args, kwargs) as manager:
                    return await function(manager, *args, **kwargs)

            return cast("Callable[P, R]", run_async)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with opened(args, kwargs) as manager:
                return function(manager, *args, **kwargs)

        return run

    def _opened(
        self, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Checkpointing:
        bound = signature.bind(None, *args, **kwargs)
        bound.apply_defaults()
        thread = self._thread.format(**bound.arguments)
        return Checkpointing(*self._args, thread=thread, **self._settings)


@_with_settings_of(CheckpointManager)
def checkpointing(*args: Any, **settings: Any) -> Checkpointing:
    """Run a block with a manager that has resumed, and save how the block ends.

    Takes what ``CheckpointManager`` takes::

        with checkpointing("agent-3", checkpoint_frequency=5) as manager:
            while work(manager.state):
                manager.checkpoint_if_due()

    The end is a checkpoint too: completed, failed, or interrupted; the block's own exception goes
    on. ``async with`` works as well.
    """
    return Checkpointing(*args, **settings)


@_with_settings_of(CheckpointManager)
def checkpointed(*args: Any, **settings: Any) -> Checkpointed:
    """Run a function, plain or async, with a manager as its first argument.

    Takes what ``CheckpointManager`` takes; ``thread`` may name the function's arguments in braces,
    so that each call has a lineage of its own::

        @checkpointed("billing", thread="order-{order}")
        def bill(manager: CheckpointManager, order: int) -> None: ...

        bill(17)

    Each call resumes its thread and saves how it ends, as :func:`checkpointing` does.
    """
    return Checkpointed(*args, **settings)
