"""Looking for drift in what agents save and report, and what people do about it."""

from dashboard.selectors.drift_rungs import rungs as ladder_of
from dashboard.services.drift.analysing import analyse_agent, analyse_due
from dashboard.services.drift.backfilling import (
    begin_backfill,
    cancel_backfill,
    carry_on,
    find_backfill,
)
from dashboard.services.drift.errors import DriftRefused
from dashboard.services.drift.lifecycle import acknowledge, not_drift, resolve, snooze
from dashboard.services.drift.rounds import look_round
from dashboard.services.drift.tuning import Replay, replay, tune

__all__ = [
    "DriftRefused",
    "Replay",
    "acknowledge",
    "analyse_agent",
    "analyse_due",
    "begin_backfill",
    "cancel_backfill",
    "carry_on",
    "find_backfill",
    "ladder_of",
    "look_round",
    "not_drift",
    "replay",
    "resolve",
    "snooze",
    "tune",
]
