"""Trying a store before it is trusted, in a scratch place beside what its URL names."""

from checkpoints.selftest.outcomes import Outcome, Verdict
from checkpoints.selftest.runner import CHECKS, run

__all__ = ["CHECKS", "Outcome", "Verdict", "run"]
