"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Counts of one run. ``whole`` says that the series have the length that the goals mean."""

    append: int = 1_000
    small: int = 1_000
    mixed: int = 1_000
    large: int = 150
    loads: int = 60
    resumes: int = 7
    writers: int = 64
    saves_per_writer: int = 60
    rounds: int = 3
    flushed_saves: int = 1_000
    listed: int = 1_000_000
    fill_seconds: float = 110
    flips: int = 24
    whole: bool = True


FULL = Scale()
QUICK = Scale(
    append=120, small=300, mixed=200, large=30, loads=15, resumes=3, saves_per_writer=15, rounds=1,
    flushed_saves=200, listed=100_000, fill_seconds=12, flips=6, whole=False,
)  # fmt: skip
