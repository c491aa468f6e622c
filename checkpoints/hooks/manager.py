"""The hooks of an agent: registered by event, called one after another."""

from __future__ import annotations

import logging
import math
import threading
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from checkpoints.forks import renew_in_children
from checkpoints.hooks.calling import Caller, PassedOver, name_of
from checkpoints.hooks.values import (
    Hook,
    HookContext,
    HookEvent,
    HookFailure,
    HookResult,
    Outcome,
)

logger = logging.getLogger("checkpoints")

DEFAULT_TIMEOUT = 5.0
"""Seconds that a hook may take."""

H = TypeVar("H", bound=Hook)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registration:
    """A hook as it was registered; ``HookManager.unregister`` takes it back."""

    event: HookEvent
    priority: int
    name: str
    caller: Caller


class HookManager:
    """Calls hooks when something happens, and never fails because of one.

    Hooks of an event are called one after another, higher ``priority`` first, then in the order
    in which they were registered. A hook may be a coroutine function: it is awaited on the event
    loop that the agent's call came from, else on a loop of our own; a plain function is called in
    a thread. One that raises, answers wrongly or takes longer than its ``timeout`` (in seconds)
    is logged and passed over; while one still hangs it is not called again. A hook is not called
    for what it did itself.
    """

    def __init__(self, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._timeout = _seconds(timeout)
        self._registered: dict[HookEvent, tuple[Registration, ...]] = {}
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a new lock, and forget what hangs in the parent."""
        self._lock = threading.Lock()
        for registrations in self._registered.values():
            for registration in registrations:
                registration.caller.forget()

    def register(
        self,
        event: HookEvent | str,
        hook: Hook,
        *,
        priority: int = 0,
        timeout: float | None = None,
    ) -> Registration:
        """Have ``hook`` called at an event from here on.

        Raises ValueError for an unknown event or a timeout that is not above 0, TypeError for a
        hook that cannot be called.
        """
        if not callable(hook):
            raise TypeError(f"a hook is a function of one context, not {hook!r}")
        seconds = self._timeout if timeout is None else _seconds(timeout)
        registration = Registration(
            event=HookEvent(event),
            priority=priority,
            name=name_of(hook),
            caller=Caller(hook, seconds),
        )
        with self._lock:
            among = list(self._registered.get(registration.event, ()))
            insort(among, registration, key=lambda each: -each.priority)
            self._registered[registration.event] = tuple(among)
        return registration

    def on(
        self, event: HookEvent | str, *, priority: int = 0, timeout: float | None = None
    ) -> Callable[[H], H]:
        """Register the function below it: ``@hooks.on("after_save")``."""

        def keep(hook: H) -> H:
            self.register(event, hook, priority=priority, timeout=timeout)
            return hook

        return keep

    def unregister(self, registration: Registration) -> bool:
        """Call it no more; return whether it was still registered."""
        with self._lock:
            before = self._registered.get(registration.event, ())
            after = tuple(each for each in before if each is not registration)
            self._registered[registration.event] = after
        return len(after) < len(before)

    def wanted(self, event: HookEvent) -> bool:
        """Whether anybody is to be called at an event; if not, ``run`` need not be."""
        return bool(self._registered.get(event))

    def run(self, context: HookContext) -> Outcome:
        """Call the hooks of the context's event, each with the state as those before left it.

        A veto before a save ends the run. Nothing that a hook does is raised here; a
        KeyboardInterrupt of the main thread is.
        """
        outcome = Outcome(state=context.state)
        for registration in self._registered.get(context.event, ()):
            given = replace(context, state=outcome.state)
            outcome = _after(outcome, registration, given)
            if outcome.veto is not None:
                break
        return outcome


def _after(outcome: Outcome, registration: Registration, context: HookContext) -> Outcome:
    """Call one hook, and join what it answers to what came of those before."""
    try:
        answer = _checked(registration.caller.call(context), context.event)
    except PassedOver as passed:
        return _with_failure(outcome, registration.name, context.event, passed)
    if answer is None:
        return outcome
    if answer.veto is not None:
        outcome = replace(outcome, veto=answer.veto, vetoed_by=registration.name)
    if not answer.success:
        failed = PassedOver(f"it says that it failed: {answer.error or 'without a reason'}")
        return _with_failure(outcome, registration.name, context.event, failed)
    if answer.state is None:
        return outcome
    changed_by = (*outcome.changed_by, registration.name)
    return replace(outcome, state=answer.state, changed_by=changed_by)


def _checked(answer: object, event: HookEvent) -> HookResult | None:
    """Return the answer if a hook of this event may give it. Raises PassedOver."""
    if answer is None:
        return None
    if not isinstance(answer, HookResult):
        raise PassedOver(f"it answered a {type(answer).__name__}, neither a HookResult nor None")
    if event is not HookEvent.BEFORE_SAVE and (answer.veto is not None or answer.state is not None):
        raise PassedOver("only before a save can a hook forbid it or change the state")
    return answer


def _with_failure(outcome: Outcome, name: str, event: HookEvent, passed: PassedOver) -> Outcome:
    if not passed.said_before:
        logger.warning(
            "the hook %s at %s did nothing: %s", name, event, passed, exc_info=passed.__cause__
        )
    failure = HookFailure(hook=name, reason=str(passed))
    return replace(outcome, failures=(*outcome.failures, failure))


def _seconds(timeout: float) -> float:
    if isinstance(timeout, bool) or not 0 < timeout < math.inf:
        raise ValueError(f"the timeout of a hook is seconds above 0, not {timeout!r}")
    return float(timeout)
