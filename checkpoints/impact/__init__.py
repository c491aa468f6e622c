"""What a restore means for the agent that is restored. Pure: knows no store, disk or clock."""

from checkpoints.impact.assessing import MOST, impact_of
from checkpoints.impact.sentences import sentences
from checkpoints.impact.texts import question_text
from checkpoints.impact.values import (
    DiffLine,
    Few,
    Impact,
    Interrupt,
    RepeatedEffect,
    Rerun,
    StateDiff,
    ToolCall,
    ToolCount,
)
from checkpoints.tool_uses import ToolUse, tool_uses

__all__ = [
    "MOST",
    "DiffLine",
    "Few",
    "Impact",
    "Interrupt",
    "RepeatedEffect",
    "Rerun",
    "StateDiff",
    "ToolCall",
    "ToolCount",
    "ToolUse",
    "impact_of",
    "question_text",
    "sentences",
    "tool_uses",
]
