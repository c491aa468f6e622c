"""Bringing a failed run back: what went wrong, what may help, and when to stop trying."""

from checkpoints.records import Strategy
from checkpoints.recovery.classes import ERROR_CLASSES, ErrorClass, ErrorName
from checkpoints.recovery.classification import classify
from checkpoints.recovery.failures import Failure
from checkpoints.recovery.limits import CircuitBreaker, RecoveryLimits
from checkpoints.recovery.manager import RecoveryManager, RecoveryPatterns, Trial
from checkpoints.recovery.suggestions import Outcome, RecoveryAction, RecoveryEvent, suggest

__all__ = [
    "ERROR_CLASSES",
    "Advice",
    "CircuitBreaker",
    "ErrorClass",
    "ErrorName",
    "Failure",
    "Outcome",
    "RecoveryAction",
    "RecoveryEvent",
    "RecoveryLimits",
    "RecoveryManager",
    "RecoveryPatterns",
    "Strategy",
    "Trial",
    "classify",
    "suggest",
]
