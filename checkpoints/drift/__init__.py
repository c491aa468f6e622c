"""Is an agent still itself? Detectors that look at records and states and touch nothing."""

from checkpoints.drift.reports import DriftReport, Sign
from checkpoints.drift.series import metric_signs
from checkpoints.drift.states import state_signs

__all__ = ["DriftReport", "Sign", "metric_signs", "state_signs"]
