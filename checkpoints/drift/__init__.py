"""Is an agent still itself? Detectors that look at numbers, records, states, and touch nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from checkpoints.drift.episodes import Contribution, Episode, Observation, Severity, ToolCall
from checkpoints.drift.reports import DriftReport
from checkpoints.drift.signals import At, Direction, Evidence, Pattern, Signal, SignalKind

if TYPE_CHECKING:
    from checkpoints.drift.consistency import EmptiedDetector
    from checkpoints.drift.corruption import CorruptionDetector
    from checkpoints.drift.error_rate import BinaryDetector
    from checkpoints.drift.ladders import Candidate, Rung, ladder
    from checkpoints.drift.loops import LoopDetector
    from checkpoints.drift.metrics import observe, state_metrics, tool_calls
    from checkpoints.drift.numeric import Band, SeriesDetector
    from checkpoints.drift.schemas import SchemaDetector
    from checkpoints.drift.stalls import StallDetector
    from checkpoints.drift.watching import AgentDetector

_LAZY = {
    "AgentDetector": "watching",
    "Band": "numeric",
    "BinaryDetector": "error_rate",
    "Candidate": "ladders",
    "CorruptionDetector": "corruption",
    "EmptiedDetector": "consistency",
    "LoopDetector": "loops",
    "Rung": "ladders",
    "SchemaDetector": "schemas",
    "SeriesDetector": "numeric",
    "StallDetector": "stalls",
    "ladder": "ladders",
    "observe": "metrics",
    "state_metrics": "metrics",
    "tool_calls": "metrics",
}
"""What is imported when it is asked for: whoever only saves needs no detector."""

__all__ = [
    "AgentDetector",
    "At",
    "Band",
    "BinaryDetector",
    "Candidate",
    "Contribution",
    "CorruptionDetector",
    "Direction",
    "DriftReport",
    "EmptiedDetector",
    "Episode",
    "Evidence",
    "LoopDetector",
    "Observation",
    "Pattern",
    "Rung",
    "SchemaDetector",
    "SeriesDetector",
    "Severity",
    "Signal",
    "SignalKind",
    "StallDetector",
    "ToolCall",
    "ladder",
    "observe",
    "state_metrics",
    "tool_calls",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
