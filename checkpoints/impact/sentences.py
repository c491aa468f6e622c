"""What a restore means, in sentences for those who are about to do it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from checkpoints.impact.values import Impact, StateDiff
from checkpoints.presentation import one_line

NAMED: Final = 8
"""Things that a sentence names; of the others it says how many."""


def sentences(impact: Impact) -> list[str]:
    """Return what is worth knowing, each as one line; nothing where a restore means nothing."""
    pending = [call for call in impact.tool_calls if call.is_pending]
    made = [call.name for call in impact.tool_calls if not call.is_pending]
    done = [f"{effect.name} ({effect.key})" for effect in impact.effects]
    lines = [
        *_changes(impact.diff),
        *_line("Steps taken again", [step.name for step in impact.reruns], impact.reruns.more),
        *_line("Done outside since, and not undone", done, impact.effects.more),
        *_line("Tools called first of all", [f"{c.name} {c.arguments}" for c in pending]),
        *_line("Tools called since, perhaps called again", made, impact.tool_calls.more),
        *_counts(impact),
        *(f"Asked again: {one.question or one.step or 'a question'}" for one in impact.interrupts),
        *impact.notes,
    ]
    return [one_line(line) for line in lines]


def _changes(diff: StateDiff) -> Iterator[str]:
    if diff.total:
        values = "1 value changes" if diff.total == 1 else f"{diff.total:,} values change"
        yield f"In the state {values}, in {_listed(diff.fields)}"


def _line(label: str, names: Sequence[str], unnamed: int = 0) -> Iterator[str]:
    """Yield the names, each once with how often; of a long list the commonest."""
    counts = Counter(names).most_common()
    told = [f"{name} × {count}" if count > 1 else name for name, count in counts[:NAMED]]
    more = unnamed + sum(count for _, count in counts[NAMED:])
    if names:
        yield f"{label}: {', '.join(told)}" + (f" and {more:,} more" if more else "")


def _counts(impact: Impact) -> Iterator[str]:
    if impact.tool_counts:
        names = [f"{count.name} × {count.times}" for count in impact.tool_counts]
        yield f"Tools used since, by the agent's own count: {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
