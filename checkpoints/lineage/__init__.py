"""Acting on a store without its agent: what the command line and a worker call."""

from checkpoints.lineage.erasing import erasable, erase, plan_erase
from checkpoints.lineage.forking import fork, forkable, plan_fork
from checkpoints.lineage.pruning import confirmed, plan_prune, plan_removal, prunable, remove
from checkpoints.lineage.restoring import Restored, plan_restore, restorable, restore

__all__ = [
    "Restored",
    "confirmed",
    "erasable",
    "erase",
    "fork",
    "forkable",
    "plan_erase",
    "plan_fork",
    "plan_prune",
    "plan_removal",
    "plan_restore",
    "prunable",
    "remove",
    "restorable",
    "restore",
]
