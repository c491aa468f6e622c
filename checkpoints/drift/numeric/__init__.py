"""Drift in one series of numbers: a front end that makes it calm, and tests that watch it."""

from checkpoints.drift.numeric.band import Band
from checkpoints.drift.numeric.detector import SeriesDetector

__all__ = ["Band", "SeriesDetector"]
