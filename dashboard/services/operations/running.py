"""Carrying an operation out, however often the request to do so arrives.

Claim, check, safety, journal, apply, verify, finish: each boundary may be the last thing that a
worker does. The next attempt finds in the row, in the journal and in the store how far it came.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import checkpoints
from dashboard.models import OperationState, OperationStep
from dashboard.services import scans
from dashboard.services.operations import claims, journal
from dashboard.services.operations.claims import Claim, FenceLost
from dashboard.services.operations.endings import end
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.opening import open_restorable
from dashboard.services.operations.restores import RestoreWork
from dashboard.services.operations.work import Ending, Overtaken, Stop, Work

Now = Callable[[], datetime]
OVERTAKEN_AT_MOST = 20
"""Checks in a row after which a live agent's saves are waited out like a busy store."""
IMPOSSIBLE = (
    checkpoints.CorruptCheckpoint,
    checkpoints.CheckpointNotFound,
    checkpoints.PermanentStoreError,
    checkpoints.PlanRefused,
    OperationRefused,
)

logger = logging.getLogger(__name__)


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
        ending = _ending_of(claim, now)
    except FenceLost:
        raise
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
        with open_restorable(claim.operation.source) as store:
            plan = _confirmed_plan(claim)
            work = RestoreWork(operation=claim.operation, store=store, plan=plan)
            return Attempt(claim=claim, work=work, now=now).carry_out()
    except Stop as stop:
        return stop.ending
    except IMPOSSIBLE as error:
        return Ending(state=OperationState.FAILED, message=str(error))


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
        steps = journal.steps_of(self.claim)
        if not steps:
            steps = self._prepare()
        for step in steps:
            if step.done_at is None:
                self._apply(step)
        self._enter("verifying", "Reading back what was written.")
        ending = self.work.verify(steps)
        scans.scan_source(source_id=self.claim.operation.source_id, now=self.now())
        return ending

    def _prepare(self) -> list[OperationStep]:
        self._enter("checking", "Checking that the store is as the preview showed it.")
        self._lead_on(self.work.check())
        self._enter("safety", "Noting what the restore leaves.")
        claims.write(self.claim, result=self.work.safety())
        steps = journal.write_steps(self.claim, self.work.steps())
        self._stop_if_cancelled()
        return steps

    def _lead_on(self, work: Work) -> None:
        """Keep the plan that is carried out, where a live agent has moved the head since."""
        if work.plan != self.work.plan:
            head = work.plan.expected_head
            claims.write(
                self.claim,
                plan=work.plan.to_dict(),
                plan_hash=work.plan.digest(),
                previous_head_id=head or "",
            )
            message = f"The agent has saved since; the head is {head} and becomes the branch's end."
            self._enter("checking", message)
        self.work = work

    def _apply(self, step: OperationStep) -> None:
        self._enter("applying", f"Step {step.position + 1}: {step.action}.")
        self.work.apply(step, self.now())
        journal.mark_done(self.claim, step, self.now())

    def _enter(self, phase: str, message: str) -> None:
        claims.advance(self.claim, phase=phase, now=self.now(), message=message)

    def _stop_if_cancelled(self) -> None:
        """Cancelling is possible until the first step: a later attempt may follow an effect."""
        if claims.cancel_requested(self.claim):
            message = "Cancelled before the first step. Nothing was changed."
            raise Stop(Ending(state=OperationState.CANCELLED, message=message))


def _confirmed_plan(claim: Claim) -> checkpoints.RestorePlan:
    plan = checkpoints.RestorePlan.from_dict(claim.operation.plan)
    if plan.digest() != claim.operation.plan_hash:
        raise OperationRefused("The stored plan is not the one that was confirmed; it was not run.")
    return plan


def _given_up(claim: Claim) -> Ending:
    return Ending(
        state=OperationState.NEEDS_ATTENTION,
        message=f"Given up after {claims.MAX_ATTEMPTS} attempts. {claim.operation.message} "
        "Look at the log, put right what stands in the way, then retry.",
        result=claim.operation.result,
    )


def _phase(claim: Claim) -> str:
    return claim.held().values_list("phase", flat=True).first() or "starting"
