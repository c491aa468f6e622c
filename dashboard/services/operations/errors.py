"""Why an operation cannot be asked for. Nothing was changed when one of these is raised."""

from __future__ import annotations


class OperationRefused(Exception):
    """It cannot be done as it stands; the message says why and what to do."""


class PlanStale(OperationRefused):
    """The store is no longer as the operator saw it; both heads say how."""

    def __init__(self, message: str, *, expected: str | None, actual: str | None) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class PlanExpired(OperationRefused):
    """The preview is too old to be acted on."""
