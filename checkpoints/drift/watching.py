"""One agent under watch: every metric of every step, and all else that can drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Self

from checkpoints.drift.continuity import Key
from checkpoints.drift.episodes import Contribution, Episode, Observation
from checkpoints.drift.fusion import Fusion, agreement
from checkpoints.drift.judges import Judged, Judges
from checkpoints.drift.numeric import Band
from checkpoints.drift.patience import FEW, Patience
from checkpoints.drift.places import Place, Places
from checkpoints.drift.pool import Found, SeriesPool
from checkpoints.drift.sensitivities import level
from checkpoints.drift.signals import Signal, SignalKind

FORMAT: Final = 1
DIVERGENCE: Final = "divergence"
ERRORS: Final = "errors"


class AgentDetector:
    """Finds drift in one agent, and tells of it as one episode however many metrics show it.

    ``sensitivity`` is from 0 to 1, 0.5 usual, higher finds more and errs more; ``sensitivities``
    are for single metrics, and for ``errors``, ``loops``, ``stalls`` and ``schema``. Raises
    ValueError for anything else. It keeps no more than so many series, threads and places, and
    everything it knows goes through JSON by ``to_dict``.
    """

    def __init__(
        self, *, sensitivity: float | str = 0.5, sensitivities: Mapping[str, float | str] = {}
    ) -> None:
        self._sensitivity = level(sensitivity)
        self._sensitivities = {name: level(value) for name, value in sensitivities.items()}
        self._series = SeriesPool(self._sensitivity, self._sensitivities)
        self._judges = Judges(self._sensitivity, self._sensitivities)
        self._fusion = Fusion()
        self._patience = Patience()
        self._places = Places()

    def fresh(self) -> Self:
        """Return one that knows nothing yet and is as sensitive."""
        return type(self)(sensitivity=self._sensitivity, sensitivities=self._sensitivities)

    @property
    def episode(self) -> Episode | None:
        """The episode that is open."""
        return self._fusion.episode

    @property
    def bands(self) -> dict[Key, Band]:
        """The band of each series by step name and metric, in the metric's unit."""
        return self._series.bands

    @property
    def count(self) -> int:
        """How many observations it was given."""
        return self._places.count

    @property
    def refused(self) -> Mapping[str, str]:
        """What is not watched because there is too much of it, and why."""
        return self._series.refused

    def update(self, observation: Observation) -> Episode | None:
        """Take what a checkpoint tells; return the episode that it opened or added to.

        A checkpoint that it was given lately is not counted again.
        """
        if self._places.has(observation):
            return None
        here = self._places.add(observation)
        self._fusion.pass_by()
        judged = self._judges.update(observation, here.number)
        found = self._series.update(
            observation.metrics,
            step_name=observation.step_name,
            thread_id=observation.thread_id,
            index=here.number,
        )
        told = [self._of_judged(one, here) for one in judged]
        told += self._certain([self._of_series(one, here) for one in found], here)
        if not told:
            told = [self._of_series(one, here) for one in self._together(here)]
        return self._fusion.add(told)

    def _certain(self, found: list[Contribution], here: Place) -> Sequence[Contribution]:
        """Return what may be said of what single metrics signal; the rest waits."""
        waiting = self._patience.waiting
        if not found and waiting is None:
            return []
        if self.episode is not None or self._series.metrics < FEW:
            return found
        most = max([0.0, *(2 * (1 - self._level(one)) for one in found)])
        return self._patience.released(
            found,
            pressures=self._pressures(),
            number=here.number,
            most=most,
            lasted=self._lasted(waiting),
        )

    def _lasted(self, waiting: Contribution | None) -> int:
        if waiting is None:
            return 0
        return self._series.lasted(waiting.signal.metric, waiting.step_name)

    def _level(self, found: Contribution) -> float:
        return self._sensitivities.get(found.signal.metric, self._sensitivity)

    def _pressures(self) -> dict[str, float]:
        pressures = {name: value for name, (_, value) in self._series.pressures().items()}
        return {**pressures, ERRORS: self._judges.error_pressure}

    def learn(self, observation: Observation) -> None:
        """Take what an earlier run tells, to know what is normal; no episode comes of it."""
        self.update(observation)
        self.close()

    def check(self, now: datetime) -> Episode | None:
        """Look whether the agent is silent for too long; once per silence."""
        signal = self._judges.check(now)
        last = self._places.last
        if signal is None or last is None:
            return None
        return self._fusion.add([_contribution(signal, began=last, found=last, found_at=now)])

    def due_at(self) -> datetime | None:
        """Return when ``check`` would find the agent silent for too long, if it stays silent."""
        return self._judges.due_at()

    def close(self) -> None:
        """End the open episode: it was seen to, or what it was about was undone."""
        self._fusion.close()
        self._patience.forget()

    def learn_normal(self, metric: str, step_name: str | None = None) -> None:
        """Take the present level of a metric as normal: what it showed was no drift."""
        if metric == ERRORS:
            self._judges.learn_errors()
        self._series.learn_normal(metric, step_name)

    def _together(self, here: Place) -> Sequence[Found]:
        """Return what several metrics say together, of which none says it alone."""
        pressing = self._series.pressures()
        said = agreement(list(self._pressures().values()))
        if said < 1.0 or not pressing:
            return []
        return [self._series.suspicion(key, said, here.number) for key, _ in pressing.values()]

    def _of_series(self, found: Found, here: Place) -> Contribution:
        signal = found.signal
        if signal.metric == DIVERGENCE:
            signal = replace(signal, kind=SignalKind.DIVERGENCE)
        began = self._places.find(found.began)
        return _contribution(signal, began=began, found=here, step_name=found.key[0])

    def _of_judged(self, judged: Judged, here: Place) -> Contribution:
        began = here if judged.began is None else self._places.find(judged.began)
        return _contribution(judged.signal, began=began, found=here, step_name=here.step_name)

    def to_dict(self) -> dict[str, Any]:
        """Return all that it knows as JSON types, so that it may go on after a restart."""
        return {
            "format": FORMAT,
            "sensitivity": self._sensitivity,
            "sensitivities": dict(self._sensitivities),
            "series": self._series.to_dict(),
            "judges": self._judges.to_dict(),
            "fusion": self._fusion.to_dict(),
            "patience": self._patience.to_dict(),
            "places": self._places.to_list(),
            "count": self._places.count,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood.

        Raises ValueError for the values of another format: begin anew then.
        """
        if values.get("format") != FORMAT:
            raise ValueError(
                f"these are no values of an AgentDetector of format {FORMAT}; nothing was read. "
                "Begin with a new one and give it the agent's checkpoints again"
            )
        made = cls(sensitivity=values["sensitivity"], sensitivities=values["sensitivities"])
        how = made._sensitivity, made._sensitivities
        made._series = SeriesPool.from_dict(values["series"], *how)
        made._judges = Judges.from_dict(values["judges"], *how)
        made._fusion = Fusion.from_dict(values["fusion"])
        made._patience = Patience.from_dict(values["patience"])
        made._places = Places.from_list(values["places"])
        made._places.count = values["count"]
        return made


def _contribution(
    signal: Signal,
    *,
    began: Place,
    found: Place,
    found_at: datetime | None = None,
    step_name: str | None = None,
) -> Contribution:
    at = found_at or found.at
    return Contribution(
        signal=replace(signal, onset_at=began.at, at=at),
        thread_id=began.thread_id,
        onset_at=began.at,
        found_at=at,
        onset_checkpoint=began.checkpoint_id,
        found_checkpoint=found.checkpoint_id,
        step_name=step_name,
    )
