"""What a manager may be given besides its agent's name, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from checkpoints.hooks import HookManager
from checkpoints.manager.schema import Migration
from checkpoints.manager.state import Apply, Capture
from checkpoints.manager.writing import Durability
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store

if TYPE_CHECKING:
    from checkpoints.drift.watching import AgentDetector
    from checkpoints.reporting import Reporter


class Settings(TypedDict, total=False):
    """The named arguments of ``CheckpointManager``, for those who pass them on."""

    store: Store | str | None
    thread: str
    run_id: str | None
    capture: Capture | None
    apply: Apply | None
    checkpoint_frequency: int | None
    checkpoint_interval: float | None
    refresh_after: float | None
    retention: RetentionPolicy | None
    retention_count: int | None
    hooks: HookManager | None
    durability: Durability
    schema_version: int | None
    migrations: Mapping[int, Migration] | None
    reporter: Reporter | None
    clock: Callable[[], datetime] | None
    monotonic: Callable[[], float] | None
    drift: AgentDetector | None
