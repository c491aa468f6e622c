"""What hooks are told, what they answer, and what came of a run of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from checkpoints.drift.reports import DriftReport
from checkpoints.errors import SaveVetoed
from checkpoints.records import Checkpoint, Kind, State, Status


class HookEvent(StrEnum):
    """When hooks are called. The two names of Kaizen mean the same as ours."""

    BEFORE_SAVE = "before_save"
    AFTER_SAVE = "after_save"
    ON_RETRY = "on_retry"
    ON_RESTORE = "on_restore"
    ON_DRIFT = "on_drift"
    PRE_CHECKPOINT_SAVE = BEFORE_SAVE
    POST_CHECKPOINT_SAVE = AFTER_SAVE

    @classmethod
    def _missing_(cls, value: object) -> HookEvent | None:
        return {
            "pre_checkpoint_save": cls.BEFORE_SAVE,
            "post_checkpoint_save": cls.AFTER_SAVE,
        }.get(str(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class HookContext:
    """What a hook is told; what does not belong to its event is None.

    ``state`` is what is about to be saved (before_save): it may be the agent's own, so answer
    with a changed copy and leave it as it is. ``checkpoint`` is the one that was saved or
    restored, ``error`` why something is tried again, ``drift`` what was found.
    """

    event: HookEvent
    agent_id: str
    thread_id: str
    occurred_at: datetime
    run_id: str | None = None
    step: int | None = None
    step_name: str | None = None
    kind: Kind | None = None
    status: Status | None = None
    state: State | None = None
    checkpoint: Checkpoint | None = None
    error: BaseException | None = None
    drift: DriftReport | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The same as Kaizen gives it: a dict, ``timestamp`` in seconds since 1970."""
        told: dict[str, Any] = {
            "agent_id": self.agent_id,
            "step_number": self.step,
            "status": None if self.status is None else self.status.value,
            "timestamp": self.occurred_at.timestamp(),
        }
        return told if self.checkpoint is None else {**told, "checkpoint_id": self.checkpoint.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookResult:
    """What a hook may answer; None says the same as ``HookResult()``.

    ``veto`` is the reason for which nothing must be saved, ``state`` what is to be saved in place
    of the given one; both count before a save only. ``success=False`` with ``error`` is logged
    and stops nothing. Raises TypeError for anything else.
    """

    success: bool = True
    error: str | None = None
    veto: str | None = None
    state: State | None = None

    def __post_init__(self) -> None:
        if self.veto is not None and not isinstance(self.veto, str):
            raise TypeError(f"veto is the reason, a text, not {self.veto!r}")
        if self.state is not None and not isinstance(self.state, Mapping):
            raise TypeError(f"state is a mapping, not a {type(self.state).__name__}")


Hook = Callable[[HookContext], HookResult | Awaitable[HookResult | None] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFailure:
    """A hook that was passed over, and why."""

    hook: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of calling an event's hooks: the state as they left it, a veto, what failed.

    ``changed_by`` names the hooks that changed the state, in their order.
    """

    state: State | None = None
    changed_by: tuple[str, ...] = ()
    veto: str | None = None
    vetoed_by: str | None = None
    failures: tuple[HookFailure, ...] = ()

    def raise_veto(self) -> None:
        """Raise SaveVetoed when a hook forbids the save."""
        if self.veto is not None and self.vetoed_by is not None:
            raise SaveVetoed(
                f"the hook {self.vetoed_by} forbids this save: {self.veto}; nothing was saved",
                hook=self.vetoed_by,
                reason=self.veto,
            )
