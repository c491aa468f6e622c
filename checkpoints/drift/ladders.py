"""The rollback ladder: which checkpoints to go back to when an agent has drifted, in which order.

Never "the latest": that one lies in the drift nearly always. The point at which a drift began is
an estimate, so the first rung lies a little before it, and each further one a good deal earlier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

BACK: Final = (3, 8, 20)
"""Checkpoints before the onset at which the rungs lie; the last rung is the start of the run."""
RELIABILITY: Final = (
    (0, 0.20),
    (1, 0.79),
    (3, 0.86),
    (8, 0.96),
    (20, 0.99),
    (60, 0.995),
)
"""Checkpoints before the estimated onset, and how often one so far back truly lay before the drift.

Measured on 300 agents whose drift begins at a known point, half simulated and half put together
from labelled series; ``benchmarks.drift.fused`` shows what holds on others.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A checkpoint to which an agent may go back.

    ``index`` is its place in the agent's lineage, in the count of the onset. The reasons for which
    it must not be taken: it fails integrity, lies in an incident that is open, or was restored
    for this drift already and did not end it.
    """

    index: int
    checkpoint_id: str
    is_damaged: bool = False
    in_open_incident: bool = False
    was_tried: bool = False

    @property
    def why_not(self) -> str:
        """Why it must not be taken, in words; empty where it may."""
        reasons = (
            (self.is_damaged, "it fails integrity"),
            (self.in_open_incident, "it lies in an open incident"),
            (self.was_tried, "it was restored before and did not help"),
        )
        return next((words for holds, words in reasons if holds), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A checkpoint to go back to, and how sure it is that it lies before the drift."""

    candidate: Candidate
    confidence: float
    words: str

    def __str__(self) -> str:
        return self.words


def ladder(candidates: Sequence[Candidate], *, onset: int) -> list[Rung]:
    """Return where to go back to, best first: 3, 8 and 20 before the onset, and the start.

    Each rung is the newest candidate at its distance or further back that may be taken; empty
    where there is none before the onset. ``onset`` counts like ``Candidate.index``.
    """
    usable = sorted((one for one in candidates if not one.why_not), key=lambda one: one.index)
    before = [one for one in usable if one.index < onset]
    if not before:
        return []
    return [_rung(one, onset, before[0]) for one in _chosen(before, onset)]


def confidence_at(distance: int) -> float:
    """Return how often a checkpoint so far before an estimated onset lies before the drift.

    Between the measured distances it is interpolated; from behind the onset nothing is promised.
    """
    if distance < 0:
        return 0.0
    place = bisect_right([at for at, _ in RELIABILITY], distance)
    if place == len(RELIABILITY):
        return RELIABILITY[-1][1]
    (left, low), (right, high) = RELIABILITY[place - 1], RELIABILITY[place]
    return low + (high - low) * (distance - left) / (right - left)


def _chosen(before: Sequence[Candidate], onset: int) -> Iterator[Candidate]:
    """Yield a candidate for each rung, each once; the start of the run is the last."""
    taken: set[int] = set()
    for back in BACK:
        fits = [one for one in before if one.index <= onset - back]
        if fits and fits[-1].index not in taken:
            taken.add(fits[-1].index)
            yield fits[-1]
    if before[0].index not in taken:
        yield before[0]


def _rung(one: Candidate, onset: int, start: Candidate) -> Rung:
    distance = onset - one.index
    confidence = confidence_at(distance)
    where = "the start of the run, " if one is start else ""
    return Rung(
        candidate=one,
        confidence=confidence,
        words=f"{where}{distance} checkpoints before the drift began by estimate; in "
        f"{int(100 * confidence)} of 100 such cases it lies before the drift",
    )
