"""Calling a manager's hooks: those that decide at once, those that are told once nobody waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar
from datetime import datetime

from checkpoints.drift import DriftReport
from checkpoints.forks import renew_in_children
from checkpoints.hooks import HookContext, HookEvent, HookManager, Outcome
from checkpoints.manager.backlog import Backlog
from checkpoints.records import Checkpoint, Draft, State

CLOSE_SECONDS = 5.0


class Teller:
    """Calls hooks for one thread of an agent."""

    def __init__(
        self,
        hooks: HookManager,
        agent_id: str,
        thread_id: str,
        run_id: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._hooks = hooks
        self._thread = agent_id, thread_id
        self._run_id = run_id
        self._clock = clock
        self._backlog: Backlog[None] = Backlog(
            lambda _: self.tell(), name="holdfast-teller", at_exit=CLOSE_SECONDS
        )
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Leave to the parent what it has to tell."""
        self._untold: deque[tuple[HookEvent, Checkpoint, Context]] = deque()
        self._soon = False
        self._turn = threading.RLock()

    def later(
        self, event: HookEvent, checkpoint: Checkpoint, context: Context, *, soon: bool
    ) -> None:
        """Have hooks told of something that has happened, in the context of whoever asked for it.

        ``soon`` by whoever did it, once it has let go of its manager; else by a thread of its own.
        """
        if not self._hooks.wanted(event):
            return
        self._untold.append((event, checkpoint, context))
        if soon:
            self._soon = True
        else:
            self._backlog.add(None)

    def tell_soon(self) -> None:
        """Call hooks if there is something that they are to be told soon."""
        if self._soon:
            self.tell()

    def tell(self) -> None:
        """Call hooks for what has happened, in its order; return when they have been called.

        What a hook does itself is told by whoever called the hook.
        """
        if self in _telling.get():
            return
        self._soon = False
        with self._turn:
            while self._untold:
                event, checkpoint, context = self._untold.popleft()
                context.run(self._tell, event, checkpoint)

    def _tell(self, event: HookEvent, checkpoint: Checkpoint) -> None:
        _telling.set(_telling.get() | {self})
        self.call(event, about=checkpoint, checkpoint=checkpoint)

    def close(self) -> None:
        """Call hooks for what has happened, and let the thread end if there is one."""
        self.tell()
        self._backlog.close(CLOSE_SECONDS)

    def call(
        self,
        event: HookEvent,
        *,
        about: Draft | Checkpoint | None = None,
        step: int | None = None,
        state: State | None = None,
        checkpoint: Checkpoint | None = None,
        error: BaseException | None = None,
        drift: DriftReport | None = None,
    ) -> Outcome:
        """Call the hooks of an event now; ``step`` is where the agent stands."""
        if not self._hooks.wanted(event):
            return Outcome(state=state)
        agent_id, thread_id = self._thread
        return self._hooks.run(
            HookContext(
                event=event,
                agent_id=agent_id,
                thread_id=thread_id,
                occurred_at=self._clock(),
                run_id=self._run_id,
                step=about.step if about else step,
                step_name=about.step_name if about else None,
                kind=about.kind if about else None,
                status=about.status if about else None,
                state=state,
                checkpoint=checkpoint,
                error=error,
                drift=drift,
            )
        )


_telling: ContextVar[frozenset[Teller]] = ContextVar("telling", default=frozenset())
"""Whose hooks are the cause of what runs here."""
