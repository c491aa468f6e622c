"""An agent that goes round in circles: the same calls with the same results, again and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift import times
from checkpoints.drift.inert import key_text
from checkpoints.drift.sensitivities import level, scaled
from checkpoints.drift.signals import At, Evidence, Signal, SignalKind
from checkpoints.drift.sketches import Sketch, parsed, sketch

LONGEST_PERIOD: Final = 12
"""Calls in the longest circle that is seen."""
LEAST_MATCHES: Final = 3
"""Calls that equal the one a period before; for a period above one it is the period + 2."""
NEARLY: Final = 1.3
"""Times as many matches are asked for where results or arguments are only nearly the same."""
UNKNOWN: Final = 2.0
"""Times as many where the results are not known."""
_MISMATCH: Final = 2


class _Call(NamedTuple):
    """What is remembered of a call."""

    tool: str
    arguments: str
    loose: str
    known: bool
    result: Sketch
    at: At | None


@dataclass(slots=True)
class _Round:
    """How long calls have equalled those one period before. ``near`` counts those nearly equal,
    ``up`` and ``down`` those of them whose numbers rose and fell, ``unknown`` those without
    results.
    """

    matches: int = 0
    start: int = 0
    start_at: At | None = None
    near: int = 0
    up: int = 0
    down: int = 0
    unknown: int = 0


class LoopDetector:
    """Finds periods in (tool, arguments, result); a tool's name alone says nothing.

    What only says when or under which number a call was made does not count: times exact to the
    second, ids of requests, attempts. Of calls that fail, no id counts, and no number in the
    result. A result may differ in a tenth of its words, unless its numbers only rise or only
    fall: that is progress.
    """

    def __init__(self, *, sensitivity: float | str = 0.5) -> None:
        self._sensitivity = level(sensitivity)
        self._index = -1
        self._calls: deque[_Call] = deque(maxlen=LONGEST_PERIOD)
        self._rounds = [_Round() for _ in range(LONGEST_PERIOD)]
        self._looping = 0

    def update(
        self, tool: str, arguments: Any = None, result: Any = None, at: At | None = None
    ) -> Signal | None:
        """Take a call that has ended; say when it closed a circle once too often.

        ``arguments`` and ``result`` are any values, or texts of :func:`sketch` of them.
        """
        self._index += 1
        call = _call(tool, arguments, result, at)
        for period, before in enumerate(reversed(self._calls), 1):
            self._compare(self._rounds[period - 1], period, before, call)
        self._calls.append(call)
        if self._looping:
            self._end()
            return None
        return self._found(at)

    def _compare(self, circle: _Round, period: int, before: _Call, call: _Call) -> None:
        alike = _alike(before, call)
        if not alike:
            circle.matches = max(0, circle.matches - _MISMATCH)
            return
        if circle.matches == 0:
            start = self._index - period
            self._rounds[period - 1] = circle = _Round(start=start, start_at=before.at)
        circle.matches += 1
        circle.unknown += not call.known
        if alike == "nearly":
            circle.near += 1
            circle.up += call.result.total > before.result.total
            circle.down += call.result.total < before.result.total

    def _found(self, at: At | None) -> Signal | None:
        for period, circle in enumerate(self._rounds, 1):
            needed = self._needed(period, circle)
            if circle.matches >= needed and not _progress(circle):
                self._looping = period
                return self._signal(period, circle, needed, at)
        return None

    def _needed(self, period: int, circle: _Round) -> float:
        least = LEAST_MATCHES if period == 1 else period + 2
        factor = UNKNOWN if circle.unknown else NEARLY if circle.near else 1.0
        return max(2.0, scaled(least * factor, self._sensitivity))

    def _end(self) -> None:
        if all(
            circle.matches < self._needed(period, circle) / 2
            for period, circle in enumerate(self._rounds, 1)
        ):
            self._looping = 0

    def _signal(self, period: int, circle: _Round, needed: float, at: At | None) -> Signal:
        rounds = (self._index - circle.start + 1) / period
        names = [call.tool for call in list(self._calls)[-period:]]
        told = " → ".join(names[:6]) + (" → …" if period > 6 else "")
        alike = "nearly the same" if circle.near else "the same"
        results = "and nothing known of results" if circle.unknown else "and results"
        return Signal(
            kind=SignalKind.LOOP,
            metric="tool_calls",
            onset=circle.start,
            index=self._index,
            score=float(circle.matches),
            threshold=needed,
            onset_at=circle.start_at,
            at=times.kept(at),
            evidence=Evidence(
                words=f"{told} went round {rounds:.3g} times with {alike} arguments {results}",
                baseline_n=circle.start,
                window=(circle.start, self._index),
                observed=float(period),
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types."""
        return {
            "sensitivity": self._sensitivity,
            "index": self._index,
            "looping": self._looping,
            "calls": [[*call[:4], str(call.result), times.dump(call.at)] for call in self._calls],
            "rounds": [
                {**asdict(circle), "start_at": times.dump(circle.start_at)}
                for circle in self._rounds
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls(sensitivity=values["sensitivity"])
        made._index, made._looping = values["index"], values["looping"]
        made._calls.extend(
            _Call(tool, asked, loose, known, parsed(result) or sketch(None), times.load(at))
            for tool, asked, loose, known, result, at in values["calls"]
        )
        made._rounds = [
            _Round(**{**circle, "start_at": times.load(circle["start_at"])})
            for circle in values["rounds"]
        ]
        return made


def _call(tool: Any, arguments: Any, result: Any, at: At | None) -> _Call:
    asked, returned = _sketched(arguments), _sketched(result)
    known = not _unknown(result)
    name = key_text(tool)
    if not known and _unknown(arguments):
        return _Call(name, "", "", known, returned, times.kept(at))
    return _Call(name, asked.exact, asked.loose, known, returned, times.kept(at))


def _sketched(value: Any) -> Sketch:
    return (parsed(value) if type(value) is str else None) or sketch(value)


def _unknown(value: Any) -> bool:
    return value is None or (type(value) is str and not value)


def _alike(before: _Call, call: _Call) -> str:
    if before.tool != call.tool or before.known != call.known or not call.arguments:
        return ""
    same_arguments = before.arguments == call.arguments
    if same_arguments and before.result.exact == call.result.exact:
        return "exactly"
    both_failed = before.result.error and call.result.error
    if not same_arguments and not (both_failed and before.loose == call.loose):
        return ""
    return "nearly" if before.result.near(call.result) else ""


def _progress(circle: _Round) -> bool:
    """Whether every result that was not the same went on in one direction."""
    return circle.near > 0 and circle.near in (circle.up, circle.down)
