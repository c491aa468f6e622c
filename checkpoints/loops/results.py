"""How a loop ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checkpoints.loops.state import LoopState
from checkpoints.records import Checkpoint, Directive, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """How a loop ended.

    ``status`` is completed (``state.finish`` was called), interrupted (a limit, a signal) or
    waiting (for a person); ``reason`` says it in words. ``cycles`` were run by this call,
    ``state.cycle`` counts them all. ``resumed_from`` is the head that it went on from.
    """

    status: Status
    reason: str
    state: LoopState
    result: Any
    cycles: int
    resumed_from: str | None
    checkpoint: Checkpoint | None
    directives: tuple[Directive, ...] = ()
