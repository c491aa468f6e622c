"""Restore drills: proving on a copy, the store untouched, that a checkpoint can be restored."""

from checkpoints.drills.drilling import Sampled, drill
from checkpoints.drills.rehearsing import rehearse
from checkpoints.drills.sampling import positions, sample_of
from checkpoints.drills.scratch import scratch_folder, sweep_scratch
from checkpoints.drills.values import How, Limits, Outcome, Rehearsal

__all__ = [
    "How",
    "Limits",
    "Outcome",
    "Rehearsal",
    "Sampled",
    "drill",
    "positions",
    "rehearse",
    "sample_of",
    "scratch_folder",
    "sweep_scratch",
]
