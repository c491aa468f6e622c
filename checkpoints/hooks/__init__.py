"""Functions that are called when something happens to checkpoints; none can fail a save."""

from checkpoints.hooks.manager import DEFAULT_TIMEOUT, HookManager, Registration
from checkpoints.hooks.values import (
    Hook,
    HookContext,
    HookEvent,
    HookFailure,
    HookResult,
    Outcome,
)

__all__ = [
    "DEFAULT_TIMEOUT",
    "Hook",
    "HookContext",
    "HookEvent",
    "HookFailure",
    "HookManager",
    "HookResult",
    "Outcome",
    "Registration",
]
