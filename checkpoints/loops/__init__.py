"""Plain loops and chains of steps that survive kills, errors and restores."""

from checkpoints.loops.budget import Budget, BudgetExhausted, Spending
from checkpoints.loops.chain import (
    Bottleneck,
    Chain,
    ChainCheckpoint,
    ChainStep,
    Feedback,
    Thought,
    ValidationResult,
    WaitingForHuman,
)
from checkpoints.loops.drifting import DriftCheck, OnDrift
from checkpoints.loops.results import LoopResult
from checkpoints.loops.running import run_loop
from checkpoints.loops.state import LoopState
from checkpoints.loops.stopping import Stop, Stopped

__all__ = [
    "Bottleneck",
    "Budget",
    "BudgetExhausted",
    "Chain",
    "ChainCheckpoint",
    "ChainStep",
    "DriftCheck",
    "Feedback",
    "LoopResult",
    "LoopState",
    "OnDrift",
    "Spending",
    "Stop",
    "Stopped",
    "Thought",
    "ValidationResult",
    "WaitingForHuman",
    "run_loop",
]
