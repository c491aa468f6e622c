"""Bringing a failed run back: what went wrong, what may help, and when to stop trying."""

from checkpoints.records import Strategy
from checkpoints.recovery.classes import ADVICE, Advice, ErrorClass
from checkpoints.recovery.classification import Failure, classify
from checkpoints.recovery.limits import CircuitBreaker, RecoveryLimits
from checkpoints.recovery.manager import RecoveryManager, RecoveryPatterns, Trial
from checkpoints.recovery.suggestions import Outcome, RecoveryAction, RecoveryEvent, suggest

__all__ = [
    "ADVICE",
    "Advice",
    "CircuitBreaker",
    "ErrorClass",
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
