"""An agent's face, and several agents as one."""

from checkpoints.manager.groups import CheckpointGroup, GroupCheckpoint
from checkpoints.manager.manager import CheckpointManager
from checkpoints.manager.resilient import ResilientCheckpointManager
from checkpoints.manager.resumes import ResumeStats

__all__ = [
    "CheckpointGroup",
    "CheckpointManager",
    "GroupCheckpoint",
    "ResilientCheckpointManager",
    "ResumeStats",
]
