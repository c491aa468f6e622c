"""What to keep, with a reason for each checkpoint. Pure: knows no store, disk or clock."""

from checkpoints.retention.planning import Decision, Fates, PrunePlan, decide, plan_prune
from checkpoints.retention.policy import GRACE, SEED_POLICY, RetentionPolicy

__all__ = [
    "GRACE",
    "SEED_POLICY",
    "Decision",
    "Fates",
    "PrunePlan",
    "RetentionPolicy",
    "decide",
    "plan_prune",
]
