"""The manager of the Resilient Checkpoint System, with what its document promises."""

from __future__ import annotations

from typing import ClassVar

from checkpoints.manager.manager import CheckpointManager
from checkpoints.retention import SEED_POLICY, RetentionPolicy


class ResilientCheckpointManager(CheckpointManager):
    """``CheckpointManager`` with the retention that the Resilient Checkpoint System promises."""

    default_retention: ClassVar[RetentionPolicy | None] = SEED_POLICY
