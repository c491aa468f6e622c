"""Making what is kept of a thread fit a number of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from checkpoints.records import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What goes for the sake of a budget, by id, and what a person should know about it."""

    over: frozenset[str] = frozenset()
    reason: str = ""
    notes: tuple[str, ...] = ()


def cut(kept: Sequence[Checkpoint], max_bytes: int, protected: AbstractSet[str]) -> Cut:
    """Choose the oldest that may go, until the rest fits; ``kept`` comes newest first.

    Unknown sizes count as 0, and what has none goes only together with what is newer.
    """
    stored = left = sum(record.stored_size or 0 for record in kept)
    over: list[str] = []
    for record in reversed(kept):
        if left <= max_bytes:
            break
        if record.id not in protected:
            over.append(record.id)
            left -= record.stored_size or 0
    return Cut(
        over=frozenset(over),
        reason=f"{stored} stored bytes are above the budget of {max_bytes}, and it is the oldest",
        notes=tuple(_notes(kept, left, max_bytes)),
    )


def _notes(kept: Sequence[Checkpoint], left: int, max_bytes: int) -> list[str]:
    notes = []
    unknown = sum(record.stored_size is None for record in kept)
    if unknown:
        notes.append(f"the sizes of {unknown} checkpoints are not known and were counted as 0")
    if left > max_bytes:
        notes.append(
            f"{left} stored bytes stay above the budget of {max_bytes}: all that is left is the "
            "head, pinned or in use"
        )
    return notes
