"""Calling one hook so that nothing it does reaches the agent."""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Awaitable
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING

from checkpoints.event_loops import callers_loop
from checkpoints.hooks.lanes import LANES, Call, discard
from checkpoints.hooks.values import Hook, HookContext

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class PassedOver(Exception):
    """A hook did nothing; the message says why, ``said_before`` that this is known already."""

    def __init__(self, message: str, *, said_before: bool = False) -> None:
        super().__init__(message)
        self.said_before = said_before


class Caller:
    """Calls one hook, unless it still hangs or is itself the cause of this call."""

    def __init__(self, hook: Hook, seconds: float) -> None:
        self._hook = hook
        self._seconds = seconds
        self._left_behind: Call | None = None
        self._is_async = _is_async(hook)

    def forget(self) -> None:
        """Forget a call that hangs in another process."""
        self._left_behind = None

    def call(self, context: HookContext) -> object:
        """Return what the hook answers. Raises PassedOver when it does not answer in time."""
        if self in _within.get():
            return None
        if self._left_behind is not None and not self._left_behind.over:
            raise PassedOver("an earlier call of it still hangs", said_before=True)
        around = copy_context()
        around.run(_within.set, _within.get() | {self})
        around.run(_waiting.set, _waiting.get() | _loop_of_this_thread())
        try:
            return self._answer(context, around)
        except RuntimeError as error:
            raise PassedOver(f"it could not be called: {error}") from error

    def _answer(self, context: HookContext, around: Context) -> object:
        until = time.monotonic() + self._seconds
        if self._is_async:
            answer: object = self._coroutine(context)
        else:
            work = functools.partial(around.run, self._hook, context)
            answer = self._ended(LANES.in_thread(work, self._seconds))
        if not isinstance(answer, Awaitable):
            return answer
        return self._ended(_await(answer, around, max(0.0, until - time.monotonic())))

    def _coroutine(self, context: HookContext) -> object:
        try:
            return self._hook(context)
        except Exception as error:
            raise PassedOver(_told(error)) from error

    def _ended(self, call: Call) -> object:
        """Return the answer of a call that is over. Raises PassedOver when there is none."""
        if not call.over:
            self._left_behind = call
            raise PassedOver(
                f"it took longer than {self._seconds:g} seconds; it is left behind, and not called "
                "again before it ends"
            )
        if call.error is not None:
            raise PassedOver(_told(call.error)) from call.error
        return call.result


_within: ContextVar[frozenset[Caller]] = ContextVar("hooks_within", default=frozenset())
"""The hooks that are the cause of what runs here."""
_waiting: ContextVar[frozenset[AbstractEventLoop]] = ContextVar(
    "loops_waiting", default=frozenset()
)
"""The loops whose threads wait for what runs here, and can run nothing meanwhile."""


def name_of(hook: Hook) -> str:
    """Return what a person would call it. Its repr may hold anything, a password too."""
    while isinstance(hook, functools.partial):
        hook = hook.func
    name = getattr(hook, "__qualname__", type(hook).__qualname__)
    return f"{getattr(hook, '__module__', '')}.{name}".lstrip(".")


def _is_async(hook: Hook) -> bool:
    call = getattr(hook, "__call__", None)  # noqa: B004 - an object may be awaited when called
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(call)


def _await(awaitable: Awaitable[object], around: Context, seconds: float) -> Call:
    """Await it on the loop that the agent's call came from, or on a loop of our own."""
    waiting = around[_waiting]
    loop = callers_loop.get()
    try:
        if loop is not None and loop.is_running() and loop not in waiting:
            return LANES.on_loop(loop, awaitable, around, seconds)
        return LANES.on_private_loop(awaitable, around, seconds, avoid=waiting)
    except RuntimeError:
        discard(awaitable)
        raise


def _loop_of_this_thread() -> frozenset[AbstractEventLoop]:
    asyncio = sys.modules.get("asyncio")
    try:
        return frozenset({asyncio.get_running_loop()}) if asyncio else frozenset()
    except RuntimeError:
        return frozenset()


def _told(error: BaseException) -> str:
    try:
        return f"it raised {type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error need not be able to say itself
        return f"it raised {type(error).__name__}"
