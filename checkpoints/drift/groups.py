"""Agents that work together and no longer agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift import times
from checkpoints.drift.members import MOST_KEYS, VERSION, Members
from checkpoints.drift.sensitivities import level, scaled
from checkpoints.drift.signals import At, Evidence, Signal, SignalKind
from checkpoints.drift.streaks import Streak

THRESHOLD: Final = 12.0
"""Logarithm of the Bayes factor at the sensitivity of 0.5, as for schemas."""
LASTING_ROUNDS: Final = 3
"""Rounds of the group that a disagreement has to last: others take up later what one changes."""
APART: Final = 60.0
"""Seconds by which clocks may differ anyway,"""
TIMES_USUAL: Final = 5.0
"""and how many times the usual distance between two agents they may."""
_AGREE, _DISAGREE = "agree", "disagree"
_CLOCK = "(clock)"
_FADING: Final = 0.05
Sides = Sequence[Sequence[str]]


class _Discord(NamedTuple):
    """What agents disagree on, the agents by what they say, and how long that lasts."""

    key: str
    sides: Sides
    score: float
    onset: int
    before: int


class GroupDetector:
    """Finds shared keys, versions and clocks that agreed and, for some rounds, do not any more.

    What never agreed, such as a step of one's own, is no drift. Of values only digests are kept.
    A clock is out of step where it is far from that of every other agent heard of lately.
    """

    def __init__(self, *, sensitivity: float | str = 0.5) -> None:
        self._sensitivity = level(sensitivity)
        self._threshold = scaled(THRESHOLD, self._sensitivity)
        self._members = Members()
        self._streaks: dict[str, Streak] = {}
        self._apart = 0.0
        self._index = -1

    def update(
        self,
        agent: str,
        shared: Mapping[str, Any],
        at: At | None = None,
        version: str | None = None,
    ) -> Signal | None:
        """Take what an agent shares with its group; say what they have come to disagree on."""
        self._index += 1
        name = self._members.hear(agent, shared, at, version)
        found = self._clock(name)
        keys = list(self._members.recent()[name].digests)
        for key in keys:
            sides = self._members.sides(key)
            heard = sum(map(len, sides))
            if heard > 1:
                kind = _AGREE if len(sides) == 1 else _DISAGREE
                found += self._lasting(key, kind, LASTING_ROUNDS * heard, sides)
        return self._signal(found, at) if found else None

    def _clock(self, name: str) -> list[_Discord]:
        members = self._members.recent()
        own = members[name].at
        others = [one.at for other, one in members.items() if other != name and one.at is not None]
        if own is None or not others:
            return []
        apart = min(abs(own - at) for at in others)
        in_step = apart <= APART + TIMES_USUAL * self._apart
        if in_step:
            self._apart += _FADING * (apart - self._apart)
        key = f"{_CLOCK} {name}"
        kind = _AGREE if in_step else _DISAGREE
        sides = [sorted(set(members) - {name}), [name]]
        return self._lasting(key, kind, LASTING_ROUNDS, sides)

    def _lasting(self, key: str, kind: str, rounds: int, sides: Sides) -> list[_Discord]:
        if key not in self._streaks and len(self._streaks) >= 2 * MOST_KEYS:
            return []
        streak = self._streaks.setdefault(key, Streak())
        streak.add(kind, self._index)
        score = streak.score
        if streak.length < rounds or score <= self._threshold:
            return []
        found = _Discord(key, sides, score, streak.start, round(streak.before))
        streak.settle()
        return [found] if kind == _DISAGREE else []

    def _signal(self, found: Sequence[_Discord], at: At | None) -> Signal:
        words = "; ".join(_words(one.key, one.sides) for one in found[:4])
        onset = min(one.onset for one in found)
        return Signal(
            kind=SignalKind.INCONSISTENCY,
            metric="group",
            onset=onset,
            index=self._index,
            score=max(one.score for one in found),
            threshold=self._threshold,
            at=times.kept(at),
            evidence=Evidence(
                words=f"{words}, for {self._index - onset + 1} updates of the group",
                baseline_n=max(one.before for one in found),
                window=(onset, self._index),
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types."""
        return {
            "sensitivity": self._sensitivity,
            "index": self._index,
            "apart": self._apart,
            "streaks": {key: streak.to_dict() for key, streak in self._streaks.items()},
            **self._members.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls(sensitivity=values["sensitivity"])
        made._members = Members.from_dict(values)
        made._index, made._apart = values["index"], values["apart"]
        made._streaks = {key: Streak.from_dict(one) for key, one in values["streaks"].items()}
        return made


def _words(key: str, sides: Sides) -> str:
    odd = ", ".join(name for side in sides[1:] for name in side)
    most = ", ".join(sides[0][:5])
    if key.startswith(_CLOCK):
        return f"the clock of {odd} is out of step with {most}"
    if key == VERSION:
        return f"{odd} runs another version than {most}"
    return f"{odd} disagrees with {most} on {key}"
