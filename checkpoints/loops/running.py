"""Running a plain agent in cycles that survive kills, errors and restores."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from checkpoints.bodies.encoding import encode
from checkpoints.errors import HeadMoved
from checkpoints.loops.budget import Budget, BudgetExhausted, Ledger, Spending
from checkpoints.loops.calling import Calls
from checkpoints.loops.drifting import DriftCheck, DriftWatch
from checkpoints.loops.going_back import head_of
from checkpoints.loops.operators import Operators
from checkpoints.loops.results import LoopResult
from checkpoints.loops.state import LoopState
from checkpoints.loops.stopping import Stop, Stoppable
from checkpoints.loops.ways import Ways
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Directive, Status

logger = logging.getLogger("checkpoints")

Step = Callable[[LoopState], Any]
"""One cycle of an agent: a function or a coroutine function; what it returns is not used."""


class _Loop:
    """One call of ``run_loop``."""

    def __init__(
        self,
        step: Step,
        manager: CheckpointManager,
        state: LoopState | None,
        *,
        max_cycles: int | None,
        budget: Budget | None,
        drift: DriftCheck | None,
        stop: Stop,
    ) -> None:
        self._step = step
        self._manager = manager
        self._state = (state or LoopState()).beginning()
        self._max_cycles = max_cycles
        self._budget = budget
        self._stop = stop
        self._ways = Ways(manager, self._state)
        self._operators = Operators(manager, self._state, self._ways)
        self._drift = DriftWatch(drift, manager, self._ways)
        self._calls = Calls()
        self._cycles = 0
        self._changed = True
        self._why_drifting: str | None = None
        self._out_of_money = False
        self._stepping = False
        self._resumed_from: str | None = None
        self._saved: Checkpoint | None = None

    def run(self, *, resume: bool) -> LoopResult:
        with self._calls:
            self._begin(resume=resume)
            try:
                return self._cycles_to_the_end()
            except BaseException as error:
                self._fail(error)
                raise

    def _cycles_to_the_end(self) -> LoopResult:
        while True:
            try:
                end = self._end()
                if end is not None:
                    return self._finish(*end)
                self._cycle()
            except HeadMoved as error:
                self._changed = True
                self._saved = self._operators.follow(error) or self._saved

    # -- beginning ------------------------------------------------------------------------------

    def _begin(self, *, resume: bool) -> None:
        saved = self._manager.resume() if resume else None
        ledger = Ledger(self._manager.store, self._manager.agent_id, self._manager.thread_id)
        if saved is None:
            self._manager.state = self._state.values
            values = self._state.values["budget"]
            self._state.budget = Spending.begun(values, ledger, self._budget)
        else:
            self._adopt_resumed(saved, ledger)
        self._require_own_state()
        if saved is not None:
            self._obey(self._manager.directive, restored=True)

    def _adopt_resumed(self, saved: dict[str, Any], ledger: Ledger) -> None:
        head = head_of(self._manager)
        self._resumed_from = head.id if head else None
        self._changed = head is not None and head.status is Status.RUNNING
        self._state.adopt(saved)
        values = self._state.values["budget"]
        self._state.budget = Spending.resumed(values, ledger, self._budget)

    def _require_own_state(self) -> None:
        if "cycle" not in self._manager.captured_state():
            raise ValueError(
                "run_loop keeps its state in manager.state, which capture or the step replaced; "
                "leave capture out and put what is yours into state.custom"
            )

    # -- one cycle ------------------------------------------------------------------------------

    def _cycle(self) -> None:
        self._do_step()
        directive = self._manager.next_directive()
        if directive is None:
            self._save()
        else:
            self._obey(directive, restored=False)

    def _obey(self, directive: Directive | None, *, restored: bool) -> None:
        if directive is not None:
            self._changed = True
            self._saved = self._operators.obey(directive, restored=restored)

    def _do_step(self) -> None:
        self._ways.before = encode(self._state.values)
        self._state.begin_cycle()
        started = time.monotonic()
        self._stepping = True
        try:
            self._calls(self._step, self._state)
        except BudgetExhausted as error:
            logger.info("the loop ends: %s", error)
            self._ways.undo_cycle()
            self._out_of_money = True
        else:
            self._count_cycle(time.monotonic() - started)
        self._stepping = False

    def _count_cycle(self, seconds: float) -> None:
        self._changed = True
        if self._manager.state is not self._state.values:
            self._adopt_what_the_step_restored()
            return
        self._state.metrics.setdefault("cycle_seconds", seconds)
        self._state.cycle += 1
        self._cycles += 1

    def _adopt_what_the_step_restored(self) -> None:
        """Go on from the checkpoint that the step itself has restored."""
        self._require_own_state()
        self._ways.adopt(self._manager.state)

    def _save(self) -> None:
        """Save when the manager's trigger says so; the end of the loop saves by itself."""
        if self._end() is not None:
            return
        details = self._state.details()
        looks = self._drift.due(self._state.cycle)
        saved = self._manager.checkpoint_if_due(**details)
        if saved is None and (looks or not self._manager.has_trigger):
            saved = self._manager.create_checkpoint(**details)
        if looks:
            self._why_drifting = self._drift.look(self._state)
        self._saved = saved or self._saved

    # -- the end --------------------------------------------------------------------------------

    def _end(self) -> tuple[Status, str] | None:
        """Return how the loop ends now, None while it goes on."""
        if self._state.finished:
            return Status.COMPLETED, "finished"
        waiting = self._operators.why_waiting or self._why_drifting
        if waiting is not None:
            return Status.WAITING, waiting
        if self._stop.asked_by is not None:
            return Status.INTERRUPTED, self._stop.asked_by
        if self._out_of_money or self._state.budget.exhausted:
            return Status.INTERRUPTED, "budget"
        limit = self._state.parameters.get("max_cycles", self._max_cycles)
        if limit is not None and self._state.cycle >= limit:
            return Status.INTERRUPTED, "max_cycles"
        return None

    def _finish(self, status: Status, reason: str) -> LoopResult:
        if self._changed:
            details = self._state.details(reason=reason)
            self._saved = self._manager.create_checkpoint(status=status, **details)
            self._manager.flush()
        return LoopResult(
            status=status,
            reason=reason,
            state=self._state,
            result=self._state.result,
            cycles=self._cycles,
            resumed_from=self._resumed_from,
            checkpoint=self._saved,
            directives=tuple(self._operators.obeyed),
        )

    def _fail(self, error: BaseException) -> None:
        """Save how it failed, with the state in which the failed cycle began."""
        try:
            if self._stepping:
                self._ways.undo_cycle()
            self._manager.fail(error, **{**self._state.details(), "step": self._state.cycle + 1})
        except Exception as ours:  # noqa: BLE001 - it would mask the agent's
            logger.error("the recovery checkpoint was not saved (%s); the error follows", ours)


@Stoppable
def run_loop(
    step: Step,
    *,
    manager: CheckpointManager,
    state: LoopState | None = None,
    max_cycles: int | None = None,
    budget: Budget | None = None,
    drift: DriftCheck | None = None,
    resume: bool = True,
    stop: Stop | None = None,
) -> LoopResult:
    """Call ``step(state)`` again and again, saving as the manager's triggers say.

    It ends when the step calls ``state.finish``, after ``max_cycles`` cycles (of all runs), when
    the budget is spent, when an operator escalates, or on SIGTERM and SIGINT, which let the step
    in hand finish. Each way ends with a checkpoint that says so.

    With ``resume`` it goes on from the thread's head, or begins with ``state`` where there is
    none; a head that was finished is returned as it is. ``state`` itself is left as it is: what
    became of it is in the result. ``resume=False`` begins anew, with a new
    budget, in the same thread.

    A step that raises is undone: the recovery checkpoint holds the state in which the cycle began,
    with the error in its metadata, and the exception goes on to the caller. Raises HeadMoved when
    another process writes to the thread, and what the manager raises for a save that fails.

    ``await run_loop.aio(…)`` does the same within an event loop. ``stop`` lets others end it.
    """
    loop = _Loop(
        step,
        manager,
        state,
        max_cycles=max_cycles,
        budget=budget,
        drift=drift,
        stop=stop or Stop(),
    )
    return loop.run(resume=resume)
