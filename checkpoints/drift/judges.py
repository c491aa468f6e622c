"""What is watched beside numbers: failures, loops, gaps, the form of states, damage."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift.consistency import EmptiedDetector
from checkpoints.drift.corruption import CorruptionDetector
from checkpoints.drift.episodes import Observation
from checkpoints.drift.error_rate import BinaryDetector
from checkpoints.drift.loops import LoopDetector
from checkpoints.drift.schemas import SchemaDetector
from checkpoints.drift.signals import Signal
from checkpoints.drift.stalls import StallDetector

MOST_THREADS: Final = 16
"""Threads whose tool calls are watched for loops at a time; the least recent one goes."""
SHORT: Final = timedelta(minutes=1)
"""A silence up to this long is no stall, however quick an agent is otherwise."""
_ERRORS, _LOOPS, _STALLS, _SCHEMA = "errors", "loops", "stalls", "schema"


class Judged(NamedTuple):
    """A signal, and the agent's observation at which it began; None where it tells no count."""

    signal: Signal
    began: float | None


class Judges:
    """Hands each observation to the detectors that it concerns."""

    def __init__(self, sensitivity: float, sensitivities: Mapping[str, float]) -> None:
        self._sensitivity = sensitivity
        self._sensitivities = sensitivities
        self._errors = BinaryDetector(sensitivity=self._of(_ERRORS))
        self._loops: OrderedDict[str, LoopDetector] = OrderedDict()
        self._pace = _Pace(StallDetector(sensitivity=self._of(_STALLS)))
        self._schema = SchemaDetector(sensitivity=self._of(_SCHEMA))
        self._damage = CorruptionDetector()
        self._emptied = EmptiedDetector()

    @property
    def error_pressure(self) -> float:
        """The share of its threshold that the error rate has reached."""
        return self._errors.pressure

    def update(self, told: Observation, index: int) -> list[Judged]:
        """Take an observation; return what the detectors signal."""
        found = list(self._of_steps(told, index))
        if told.state is not None:
            shape = self._schema.update(told.state, float(index))
            found += [] if shape is None else [_judged(shape, index)]
            lost = self._emptied.update(told.state, float(index), thread_id=told.thread_id)
            found += [Judged(signal, index) for signal in lost]
        return found

    def _of_steps(self, told: Observation, index: int) -> Iterator[Judged]:
        gap = self._pace.update(told)
        if gap is not None:
            yield Judged(gap, None)
        damage = self._damage.update(told.damage, float(index))
        if damage is not None:
            yield _judged(damage, index)
        rate = None if told.failed is None else self._errors.update(told.failed, float(index))
        if rate is not None:
            yield _judged(rate, index)
        for call in told.calls:
            loop = self._loop_of(told.thread_id).update(
                call.tool, call.arguments, call.result, float(index)
            )
            if loop is not None:
                yield _judged(loop, index)

    def check(self, now: datetime) -> Signal | None:
        """Say whether the agent has been silent for too long, once per silence."""
        return self._pace.check(now)

    def due_at(self) -> datetime | None:
        """Return when a silence that lasts becomes a stall; None while the agent rests."""
        return self._pace.due_at()

    def learn_errors(self) -> None:
        """Take the present error rate as normal."""
        self._errors.learn_normal()

    def _loop_of(self, thread_id: str) -> LoopDetector:
        detector = self._loops.pop(thread_id, None)
        if detector is None:
            detector = LoopDetector(sensitivity=self._of(_LOOPS))
        self._loops[thread_id] = detector
        if len(self._loops) > MOST_THREADS:
            self._loops.popitem(last=False)
        return detector

    def _of(self, what: str) -> float:
        return self._sensitivities.get(what, self._sensitivity)

    def to_dict(self) -> dict[str, Any]:
        """Return all detectors as JSON types."""
        return {
            "errors": self._errors.to_dict(),
            "loops": [[thread, one.to_dict()] for thread, one in self._loops.items()],
            "pace": self._pace.to_dict(),
            "schema": self._schema.to_dict(),
            "damage": self._damage.to_dict(),
            "emptied": self._emptied.to_dict(),
        }

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], sensitivity: float, sensitivities: Mapping[str, float]
    ) -> Self:
        """Rebuild them from :meth:`to_dict`."""
        made = cls(sensitivity, sensitivities)
        made._errors = BinaryDetector.from_dict(values["errors"])
        made._loops.update((name, LoopDetector.from_dict(one)) for name, one in values["loops"])
        made._pace = _Pace.from_dict(values["pace"])
        made._schema = SchemaDetector.from_dict(values["schema"])
        made._damage = CorruptionDetector.from_dict(values["damage"])
        made._emptied = EmptiedDetector.from_dict(values["emptied"])
        return made


class _Pace:
    """How regularly an agent is heard of, without the time in which it rests.

    A thread rests when it waits for somebody, has ended, or goes on in another run. The time
    until a rest ends is taken out of the clock on which gaps are judged.
    """

    def __init__(self, stalls: StallDetector) -> None:
        self._stalls = stalls
        self._working: OrderedDict[str, str | None] = OrderedDict()
        self._last: datetime | None = None
        self._rested = timedelta(0)

    def update(self, told: Observation) -> Signal | None:
        if self._last is not None and self._was_resting(told):
            self._rested += max(timedelta(0), told.at - self._last)
        self._last = told.at if self._last is None else max(self._last, told.at)
        self._working.pop(told.thread_id, None)
        if not told.rests:
            self._working[told.thread_id] = told.run_id
        if len(self._working) > MOST_THREADS:
            self._working.popitem(last=False)
        return _long(self._stalls.update(told.at - self._rested))

    def _was_resting(self, told: Observation) -> bool:
        """Return whether nothing was at work before: all threads rested, or this is a new run."""
        runs = set(self._working.values())
        return told.run_id not in runs and not (runs - {None} and told.run_id is None)

    def check(self, now: datetime) -> Signal | None:
        if not self._working or self._last is None or now - self._last < SHORT:
            return None
        return self._stalls.check(now - self._rested)

    def due_at(self) -> datetime | None:
        due = self._stalls.due_at() if self._working else None
        if not isinstance(due, datetime) or self._last is None:
            return None
        return max(due + self._rested, self._last + SHORT)

    def to_dict(self) -> dict[str, Any]:
        return {
            "stalls": self._stalls.to_dict(),
            "working": [list(pair) for pair in self._working.items()],
            "last": self._last.isoformat() if self._last else None,
            "rested": self._rested.total_seconds(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        made = cls(StallDetector.from_dict(values["stalls"]))
        made._working.update((thread, run) for thread, run in values["working"])
        made._last = datetime.fromisoformat(values["last"]) if values["last"] else None
        made._rested = timedelta(seconds=values["rested"])
        return made


def _long(signal: Signal | None) -> Signal | None:
    is_long = signal is not None and (signal.evidence.observed or 0.0) > SHORT.total_seconds()
    return signal if is_long else None


def _judged(signal: Signal, index: int) -> Judged:
    began = signal.onset_at
    return Judged(signal, began if isinstance(began, (int, float)) else index)
