"""Restore drills and recovery-point objectives: begun, carried out, noted, and called out."""

from dashboard.services.drills.alerts import acknowledge, review
from dashboard.services.drills.beginning import (
    Wanted,
    begin_due,
    change_schedule,
    rehearse_now,
)
from dashboard.services.drills.errors import DrillRefused
from dashboard.services.drills.objectives import (
    MOST_MINUTES,
    remove_objective,
    set_objective,
)
from dashboard.services.drills.running import carry_out, scratch_of_rehearsals

__all__ = [
    "MOST_MINUTES",
    "DrillRefused",
    "Wanted",
    "acknowledge",
    "begin_due",
    "carry_out",
    "change_schedule",
    "rehearse_now",
    "remove_objective",
    "review",
    "scratch_of_rehearsals",
    "set_objective",
]
