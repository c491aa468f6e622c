"""Why an operation cannot be asked for. Nothing was changed when one of these is raised."""

from __future__ import annotations

from typing import ClassVar


class OperationRefused(Exception):
    """It cannot be done as it stands; the message says why and what to do.

    ``code`` tells programs the same, and stays as it is.
    """

    code: ClassVar[str] = "refused"


class NothingToRemove(OperationRefused):
    """A prune would take nothing away."""


class PlanStale(OperationRefused):
    """The store is no longer as the operator saw it; both heads say how."""

    code = "plan_stale"

    def __init__(self, message: str, *, expected: str | None, actual: str | None) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class PlanExpired(OperationRefused):
    """The preview is too old to be acted on."""

    code = "plan_expired"


class PlanMismatch(OperationRefused):
    """The hash that was given is not that of the plan."""

    code = "plan_mismatch"


class ReasonMissing(OperationRefused):
    """Nobody has said why."""

    code = "reason_missing"


class NameNotTyped(OperationRefused):
    """So many removals are confirmed by the name of what they are taken from."""

    code = "name_not_typed"


class NotYourDraft(OperationRefused):
    """Somebody else made the draft."""

    code = "not_your_draft"


class SecondPersonNeeded(OperationRefused):
    """Nobody approves their own request."""

    code = "second_person_needed"


class WrongState(OperationRefused):
    """It is not, or no longer, in a state in which this can be done."""

    code = "wrong_state"


class KeyReused(OperationRefused):
    """The idempotency key was used before, for something else."""

    code = "key_reused"
