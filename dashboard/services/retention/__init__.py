"""Retention: what is kept, by which policy, and when the rest is pruned by itself."""

from dashboard.services.retention.bulk import (
    Done,
    Drafted,
    draft_prunes,
    pin,
    read_back,
    unpin,
)
from dashboard.services.retention.errors import RetentionRefused
from dashboard.services.retention.policies import carried_out_by, remove_policy, set_policy
from dashboard.services.retention.prunes import draft_by_policies
from dashboard.services.retention.runs import begin_due, carry_out
from dashboard.services.retention.schedules import (
    Wanted,
    add_schedule,
    change_schedule,
    pause,
    remove_schedule,
    resume,
    run_now,
)
from dashboard.services.retention.simulations import SimulatedThread, Simulation, simulate

__all__ = [
    "Done",
    "Drafted",
    "RetentionRefused",
    "SimulatedThread",
    "Simulation",
    "Wanted",
    "add_schedule",
    "begin_due",
    "carried_out_by",
    "carry_out",
    "change_schedule",
    "draft_by_policies",
    "draft_prunes",
    "pause",
    "pin",
    "read_back",
    "remove_policy",
    "remove_schedule",
    "resume",
    "run_now",
    "set_policy",
    "simulate",
    "unpin",
]
