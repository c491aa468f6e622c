"""Which of the five looks a state has, and the words for it. Pure.

The looks are those of the style sheets: healthy, running, attention, failed, neutral.
"""

from __future__ import annotations

from dataclasses import dataclass

HEALTHY, RUNNING, ATTENTION, FAILED, NEUTRAL = (
    "healthy",
    "running",
    "attention",
    "failed",
    "neutral",
)

_LOOKS = {
    "running": RUNNING,
    "queued": RUNNING,
    "delivered": RUNNING,
    "applied": HEALTHY,
    "completed": HEALTHY,
    "succeeded": HEALTHY,
    "healthy": HEALTHY,
    "proven": HEALTHY,
    "waiting": ATTENTION,
    "stalled": ATTENTION,
    "interrupted": ATTENTION,
    "attention": ATTENTION,
    "superseded": ATTENTION,
    "refused": ATTENTION,
    "refused_stale": ATTENTION,
    "needs_attention": ATTENTION,
    "partial": ATTENTION,
    "pending_approval": ATTENTION,
    "undoing": RUNNING,
    "failed": FAILED,
    "damaged": FAILED,
    "lost": FAILED,
    "risk": ATTENTION,
    "note": NEUTRAL,
    "open": ATTENTION,
    "acknowledged": RUNNING,
    "resolved": HEALTHY,
}
_WORDS = {
    "attention": "needs attention",
    "refused_stale": "refused: store changed",
    "needs_attention": "needs attention",
    "partial": "done in part",
    "pending_approval": "waits for approval",
    "undoing": "being undone",
    "skipped": "not rehearsed",
    "superseded": "overwritten",
    "unknown": "not known",
    "snoozed": "put off",
    "not_drift": "not drift",
}


@dataclass(frozen=True, slots=True)
class Look:
    """A state as it is shown: a class that carries shape and colour, and words."""

    look: str
    words: str


def look(state: str) -> Look:
    """Return how ``state`` of a thread, checkpoint, operation or source is shown."""
    return Look(_LOOKS.get(state, NEUTRAL), _WORDS.get(state, state.replace("_", " ")))
