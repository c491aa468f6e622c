"""Chains of named steps: retrieval, generation, validation, criticism, again until it is good."""

from checkpoints.loops.chain.chain import Chain
from checkpoints.loops.chain.execution import WaitingForHuman
from checkpoints.loops.chain.history import Bottleneck, ChainCheckpoint
from checkpoints.loops.chain.progress import ChainStep
from checkpoints.loops.chain.thoughts import Feedback, Thought, ValidationResult

__all__ = [
    "Bottleneck",
    "Chain",
    "ChainCheckpoint",
    "ChainStep",
    "Feedback",
    "Thought",
    "ValidationResult",
    "WaitingForHuman",
]
