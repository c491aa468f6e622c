"""States whose form changed and stays changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift import times
from checkpoints.drift.fields import MISSING, Fields
from checkpoints.drift.sensitivities import level, scaled
from checkpoints.drift.signals import At, Evidence, Signal, SignalKind
from checkpoints.drift.streaks import Streak

THRESHOLD: Final = 12.0
"""Logarithm of the Bayes factor at the sensitivity of 0.5."""
TOGETHER: Final = 2
"""Changes that began within this many states are one."""
_NAMED: Final = 5


class _Change(NamedTuple):
    path: str
    streak: Streak
    score: float


class SchemaDetector:
    """Finds paths of a state that are lost, new or of another type, once that lasts.

    Each path has a :class:`Streak` of its types. What is optional, may be null or has several
    types is known by how often it was so. Changes that begin together are one signal; a return
    to what was before is none.
    """

    def __init__(self, *, sensitivity: float | str = 0.5) -> None:
        self._sensitivity = level(sensitivity)
        self._threshold = scaled(THRESHOLD, self._sensitivity)
        self._fields = Fields()
        self._index = -1
        self._told = -1_000
        self._told_at: dict[int, At | None] = {}

    def update(self, state: Mapping[str, Any], at: At | None = None) -> Signal | None:
        """Take a state; say when its form has changed for good. No value of it is kept."""
        self._index += 1
        self._told_at[self._index] = times.kept(at)
        self._told_at.pop(self._index - 64, None)
        looked_at = self._fields.add(state, self._index)
        changes = [
            _Change(path, streak, score)
            for path, streak in looked_at
            if (score := streak.score) > self._threshold
        ]
        return self._settle(changes, at) if changes else None

    def learn_normal(self) -> None:
        """Take the present form as the usual one."""
        self._fields.settle()

    def _settle(self, changes: list[_Change], at: At | None) -> Signal | None:
        new = [
            change
            for change in changes
            if change.streak.kind != change.streak.usual
            and abs(change.streak.start - self._told) > TOGETHER
        ]
        signal = self._signal(new, at) if new else None
        for change in changes:
            change.streak.settle()
        return signal

    def _signal(self, changes: list[_Change], at: At | None) -> Signal:
        changes.sort(key=lambda change: (change.streak.start, -change.score, change.path))
        onset = self._told = changes[0].streak.start
        named = "; ".join(_words(change) for change in changes[:_NAMED])
        more = f"; and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
        return Signal(
            kind=SignalKind.SCHEMA,
            metric="schema",
            onset=onset,
            index=self._index,
            score=max(change.score for change in changes),
            threshold=self._threshold,
            onset_at=self._told_at.get(onset),
            at=times.kept(at),
            evidence=Evidence(
                words=f"{named}{more}, in the last {self._index - onset + 1} states",
                baseline_n=round(max(change.streak.before for change in changes)),
                window=(onset, self._index),
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types; paths, and no values."""
        return {
            "sensitivity": self._sensitivity,
            "index": self._index,
            "told": self._told,
            "told_at": [[index, times.dump(at)] for index, at in self._told_at.items()],
            **self._fields.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls(sensitivity=values["sensitivity"])
        made._fields = Fields.from_dict(values)
        made._index, made._told = values["index"], values["told"]
        made._told_at = {index: times.load(at) for index, at in values["told_at"]}
        return made


def _words(change: _Change) -> str:
    streak, name = change.streak, change.path or "the state"
    seen, usual = round(streak.before), streak.most
    if streak.kind == MISSING:
        return (
            f"{name} is missing, it was there in {seen - round(streak.counts.get(MISSING, 0))}"
            f" of {seen} states before"
        )
    if usual == MISSING:
        return f"{name} is new ({streak.kind})"
    return f"{name} is {streak.kind}, it was {usual} in {round(streak.counts[usual])} of {seen}"
