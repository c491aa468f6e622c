"""Looking for drift in what one thread saved last."""

from __future__ import annotations

from checkpoints.drift import DriftReport, Sign, metric_signs, state_signs
from checkpoints.errors import CorruptCheckpoint
from checkpoints.hooks import HookEvent
from checkpoints.manager.state import StateHolder
from checkpoints.manager.writing import ThreadWriter

DRIFT_WINDOW = 50
"""Checkpoints of the head's lineage whose metrics are looked at for drift."""
DRIFT_STATES = 5
"""Checkpoints whose states are looked at for drift."""


class DriftWatch(StateHolder, ThreadWriter):
    """Looks for drift when it is asked to."""

    def detect_drift(self) -> DriftReport:
        """Say whether the newest checkpoints show signs of drift; false when they do not.

        Override it and join the signs of ``super().detect_drift()`` with your own.
        """
        records = self._lineage()[:DRIFT_WINDOW][::-1]
        signs: list[Sign] = list(metric_signs([record.metrics for record in records]))
        try:
            states = [self._store.load(record) for record in records[-DRIFT_STATES:]]
        except CorruptCheckpoint as error:
            signs.append(Sign(kind="corruption", evidence=str(error)))
        else:
            signs.extend(state_signs(states))
        self._drift = DriftReport(signs=tuple(signs))
        if self._drift:
            self._drifted.add(records[-1].id)
            step = self._stands.now.step
            self._teller.call(
                HookEvent.ON_DRIFT, step=step, drift=self._drift, checkpoint=records[-1]
            )
        return self._drift
