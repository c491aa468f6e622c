"""Carrying a retention policy out beside the saves of one thread."""

from checkpoints.pruning.pruner import Pruner

__all__ = ["Pruner"]
