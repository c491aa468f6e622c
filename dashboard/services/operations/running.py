"""Carrying an operation out, however often the request to do so arrives.

Claim, check, safety, journal, apply, verify, finish: each boundary may be the last thing that a
worker does. The next attempt finds in the row, in the journal and in the store how far it came.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import checkpoints
from dashboard.models import OperationState, OperationStep
from dashboard.services import scans
from dashboard.services.operations import claims, journal
from dashboard.services.operations.claims import Claim, FenceLost
from dashboard.services.operations.endings import end
from dashboard.services.operations.heartbeats import kept_alive
from dashboard.services.operations.kinds import IMPOSSIBLE, opened_work
from dashboard.services.operations.work import Ending, Overtaken, Stop, Work

Now = Callable[[], datetime]
OVERTAKEN_AT_MOST = 20
"""Checks in a row after which a live agent's saves are waited out like a busy store."""

logger = logging.getLogger(__name__)


class Busy(Exception):
    """Other operations hold threads that this one has yet to change."""


def run_operation(*, operation_id: UUID, worker: str, now: Now) -> None:
    """Carry an operation out; return at once when it is done or somebody else's."""
    claim = claims.claim(operation_id=operation_id, worker=worker, now=now())
    if claim is None:
        return
    with contextlib.suppress(FenceLost):
        _settle(claim, now)


def _settle(claim: Claim, now: Now) -> None:
    if claim.operation.attempts > claims.MAX_ATTEMPTS:
        end(claim, _given_up(claim), now())
        return
    try:
        with kept_alive(claim, now):
            ending = _ending_of(claim, now)
    except FenceLost:
        raise
    except Busy as busy:
        claims.give_back(claim, message=str(busy), now=now(), counted=False)
    except checkpoints.TransientStoreError as error:
        claims.give_back(claim, message=f"{error}. It will be tried again.", now=now())
    except Exception as error:
        logger.exception("operation %s failed and will be tried again", claim.operation.pk)
        message = f"{type(error).__name__} while {_phase(claim)}. It will be tried again."
        claims.give_back(claim, message=message, now=now())
    else:
        end(claim, ending, now())


def _ending_of(claim: Claim, now: Now) -> Ending:
    try:
        with opened_work(claim.operation) as work:
            return Attempt(claim=claim, work=work, now=now).carry_out()
    except Stop as stop:
        return stop.ending
    except IMPOSSIBLE as error:
        return _impossible(claim, error)


def _impossible(claim: Claim, error: Exception) -> Ending:
    """Say that it failed, or, once a step may have had its effect, that nobody can tell."""
    if not any(step.begun_at for step in journal.steps_of(claim)):
        return Ending(state=OperationState.FAILED, message=str(error))
    return Ending(
        state=OperationState.NEEDS_ATTENTION,
        message=f"{str(error).rstrip('.')}. It had begun and may have changed the store; put right "
        "what stands in the way, then retry: it goes on from where it came to.",
        result=claim.operation.result,
    )


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One claim's way through an operation; its work follows a plan that may lead on."""

    claim: Claim
    work: Work
    now: Now

    def carry_out(self) -> Ending:
        """Go on from wherever the last attempt came to; begin again when a live agent was faster.

        Raises TransientStoreError when it always is.
        """
        for _ in range(OVERTAKEN_AT_MOST):
            try:
                return self._once()
            except Overtaken:
                journal.forget_steps(self.claim)
        raise checkpoints.TransientStoreError(
            f"The agent saved faster than it could be restored, {OVERTAKEN_AT_MOST} times in a row"
        )

    def _once(self) -> Ending:
        steps = journal.steps_of(self.claim) or self._prepare()
        undone = [step for step in steps if step.done_at is None]
        busy = sum(not self._taken(step, alone=len(steps) == 1) for step in undone)
        cancelled = sum(step.done_at is None for step in steps) - busy
        if cancelled == len(steps) and steps:
            return Ending(
                state=OperationState.CANCELLED,
                message="Cancelled before the first step. Nothing was changed.",
            )
        if busy and not cancelled:
            raise Busy(f"It waits for {busy} of its threads, which other operations hold.")
        self._enter("verifying", "Reading back what was written.")
        ending = self.work.verify(steps, self.now())
        scans.scan_source(source_id=self.claim.operation.source_id, now=self.now())
        return ending

    def _prepare(self) -> list[OperationStep]:
        self._enter("checking", "Checking that the store is as the preview showed it.")
        self._lead_on(self.work.check())
        self._enter("safety", "Noting what can be gone back to.")
        claims.write(self.claim, result=self.work.safety())
        return journal.write_steps(self.claim, self.work.steps())

    def _lead_on(self, work: Work) -> None:
        """Keep the plan that is carried out, where a live agent has moved the head since."""
        plan = work.plan
        if plan != self.work.plan and isinstance(plan, checkpoints.RestorePlan):
            head = plan.expected_head
            claims.write(
                self.claim,
                plan=plan.to_dict(),
                plan_hash=plan.digest(),
                previous_head_id=head or "",
            )
            message = f"The agent has saved since; the head is {head} and becomes the branch's end."
            self._enter("checking", message)
        self.work = work

    def _taken(self, step: OperationStep, *, alone: bool) -> bool:
        """Take a step, unless it is cancelled first; False while another operation is at work."""
        if step.begun_at is None and claims.cancel_requested(self.claim):
            return True
        thread = step.thread_id
        if thread is not None and not claims.hold_thread(self.claim, thread, self.now()):
            return False
        self._apply(step, alone=alone)
        if thread is not None:
            claims.release_thread(self.claim, thread)
        return True

    def _apply(self, step: OperationStep, *, alone: bool) -> None:
        """Act; what is impossible in one of several threads is kept beside what the others did."""
        self._enter("applying", f"Step {step.position + 1}: {step.action}.")
        journal.mark_begun(self.claim, step, self.now())
        result: Mapping[str, Any] = {}
        failure = ""
        try:
            result = self.work.apply(step, self.now())
        except IMPOSSIBLE as error:
            if alone and step.thread_id is None:
                raise
            failure = str(error)
        now = self.now()
        book = functools.partial(self.work.book, step, result, now)
        journal.mark_done(self.claim, step, now, result=result, failure=failure, book=book)

    def _enter(self, phase: str, message: str) -> None:
        claims.advance(self.claim, phase=phase, now=self.now(), message=message)


def _given_up(claim: Claim) -> Ending:
    return Ending(
        state=OperationState.NEEDS_ATTENTION,
        message=f"Given up after {claims.MAX_ATTEMPTS} attempts. {claim.operation.message} "
        "Look at the log, put right what stands in the way, then retry.",
        result=claim.operation.result,
    )


def _phase(claim: Claim) -> str:
    return claim.held().values_list("phase", flat=True).first() or "starting"
