"""Numbers out of records and states: of LangGraph, Kaizen, DreamOS and of any agent's own.

Everything here reads plain values and runs nothing that is found in them; how much of a state is
looked at is bounded.
"""

from checkpoints.drift.metrics.calls import tool_calls
from checkpoints.drift.metrics.growing import grows
from checkpoints.drift.metrics.observing import observe, record_metrics
from checkpoints.drift.metrics.states import state_metrics

__all__ = ["grows", "observe", "record_metrics", "state_metrics", "tool_calls"]
