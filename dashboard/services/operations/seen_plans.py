"""What an operator saw before saying yes, carried through the form and signed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.core import signing

import checkpoints
from dashboard.services.operations.errors import OperationRefused, PlanExpired, PlanStale

PLAN_LIFETIME = timedelta(minutes=15)
_SALT = "dashboard.operations.seen-plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Of what a preview was and who saw it; for nothing and nobody else can it be confirmed."""

    checkpoint_pk: int
    user_pk: int

    @property
    def salt(self) -> str:
        """What sets its signatures apart from all others."""
        return f"{_SALT}.{self.checkpoint_pk}.{self.user_pk}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPlan:
    """A plan as it was shown: its hash, the head then, and until when it may be confirmed."""

    plan_hash: str
    expected_head: str | None
    expires_at: datetime

    @classmethod
    def of(cls, plan: checkpoints.RestorePlan, now: datetime) -> Self:
        """Return what the operator sees of a plan made now."""
        return cls(
            plan_hash=plan.digest(),
            expected_head=plan.expected_head,
            expires_at=now + PLAN_LIFETIME,
        )

    @classmethod
    def from_token(cls, token: str, seen: Seen) -> Self:
        """Read a token. Raises OperationRefused unless it was made here, of this preview."""
        try:
            plan_hash, head, expires_at = signing.loads(token, salt=seen.salt)
        except signing.BadSignature:
            raise OperationRefused(
                "This confirmation is not that of your preview of this checkpoint; nothing was "
                "asked for. Open the preview again."
            ) from None
        expires = datetime.fromisoformat(expires_at)
        return cls(plan_hash=plan_hash, expected_head=head, expires_at=expires)

    @property
    def seen_at(self) -> datetime:
        """When it was shown."""
        return self.expires_at - PLAN_LIFETIME

    def token(self, seen: Seen) -> str:
        """Return it signed, for a form."""
        values = [self.plan_hash, self.expected_head, self.expires_at.isoformat()]
        return signing.dumps(values, salt=seen.salt)

    def differs_in_head_alone(self, plan: checkpoints.RestorePlan) -> bool:
        """Say whether ``plan`` is the one that was seen but for where the head is."""
        return (
            dataclasses.replace(plan, expected_head=self.expected_head).digest() == self.plan_hash
        )

    def confirm(self, plan: checkpoints.RestorePlan, now: datetime) -> None:
        """Raise PlanExpired, PlanStale or OperationRefused unless ``plan`` is the one seen.

        PlanStale says that the head has moved.
        """
        self.require_fresh(now)
        if plan.expected_head != self.expected_head:
            raise PlanStale(
                "The store has changed since the preview; nothing was asked for. "
                f"The head was {self.expected_head or 'empty'} "
                f"and is {plan.expected_head or 'empty'} now. Open the preview again.",
                expected=self.expected_head,
                actual=plan.expected_head,
            )
        if plan.digest() != self.plan_hash:
            raise OperationRefused(
                "The checkpoint's content or plan is not what the preview showed; nothing was "
                "asked for. Open the preview again."
            )

    def require_fresh(self, now: datetime) -> None:
        """Raise PlanExpired when the preview is too old to be acted on."""
        if now > self.expires_at:
            raise PlanExpired(
                "The preview is older than 15 minutes; nothing was asked for. Open it again."
            )
