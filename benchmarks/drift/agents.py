"""Simulated agents with six metrics and errors, clean or with an incident at a known point.

The noise and the sizes of changes are those of the labelled series: heavy tails, autocorrelation,
changes of one to four deviations. The metrics of one agent move together, as those of real ones
do: a long answer takes more tokens, more money and more time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from checkpoints.drift.episodes import Observation

METRICS = ("duration", "tokens", "cost", "state_size", "tool_calls", "divergence")
ERRORS = "errors"
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
LENGTHS = (30, 60, 120, 300, 1000)
SHAPES = ("step", "ramp", "variance", "spike")
_SHIFT = {"step": (1.2, 2.2, 3.5), "ramp": (2.0, 3.5, 5.0), "spike": (4.5, 6.5, 8.0)}
_SPREAD = (2.0, 2.8, 4.0)
_ERROR_RATES = (0.15, 0.3, 0.6)
_WINDOW = {"step": 20, "ramp": 40, "variance": 40, "spike": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What goes wrong: from which checkpoint on, for how many, in which metrics and how.

    An episode that is opened in [start, start + window) has found it.
    """

    start: int
    end: int
    window: int
    shapes: Mapping[str, str]
    severity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent's observations, and its incident if it has one."""

    observations: Sequence[Observation]
    incident: Incident | None = None
    metrics: int = field(default=0)


def agents(count: int, *, seed: int, clean: float = 0.36) -> Iterator[Agent]:
    """Yield agents, the same for the same seed; ``clean`` is the share without an incident."""
    random = Random(seed)
    for number in range(count):
        length = LENGTHS[number % len(LENGTHS)]
        incident = None if random.random() < clean else _incident(random, length)
        yield Agent(
            observations=_observations(random, length, incident),
            incident=incident,
            metrics=len(incident.shapes) if incident else 0,
        )


def _incident(random: Random, length: int) -> Incident:
    start = random.randint(round(length * 0.45) + 5, round(length * 0.7))
    severity = random.randrange(3)
    main = random.choice(SHAPES)
    touched = random.sample((*METRICS, ERRORS), random.randint(1, 6))
    if touched == [ERRORS]:
        touched = [random.choice(METRICS), ERRORS]
    shapes = {name: main if random.random() < 0.7 else random.choice(SHAPES) for name in touched}
    end = start + random.randint(3, 5) if set(shapes.values()) == {"spike"} else length
    window = min(max(_WINDOW[shape] for shape in shapes.values()), length - start)
    return Incident(start=start, end=end, window=window, shapes=shapes, severity=severity)


def _observations(random: Random, length: int, incident: Incident | None) -> list[Observation]:
    noise = _noise(random, length)
    if incident is not None:
        for name, shape in incident.shapes.items():
            if name != ERRORS:
                noise[name] = _changed(random, noise[name], shape, incident)
    series = {name: _in_units(random, name, noise[name]) for name in METRICS}
    fails = _failures(random, length, incident)
    threads = _threads(random, length)
    series["state_size"] = _sizes(random, threads, series["state_size"])
    at = BEGAN
    told = []
    for index in range(length):
        at += timedelta(seconds=max(0.0, series["duration"][index]))
        told.append(
            Observation(
                at=at,
                thread_id=threads[index],
                checkpoint_id=str(index),
                metrics={name: values[index] for name, values in series.items()},
                failed=fails[index],
            )
        )
    return told


def _noise(random: Random, length: int) -> dict[str, list[float]]:
    """Return a series of deviation 1 for each metric; what they share moves them together."""
    load = _autocorrelated(random, length, 0.25)
    shared = {"duration": 0.5, "tokens": 0.6, "cost": 0.6, "tool_calls": 0.3}
    found = {}
    for name in METRICS:
        weight = shared.get(name, 0.0)
        echo = random.uniform(0.2, 0.5) if name == "divergence" else random.uniform(0, 0.2)
        own = _autocorrelated(random, length, echo)
        rest = math.sqrt(1 - weight * weight)
        found[name] = [weight * a + rest * b for a, b in zip(load, own, strict=True)]
    return found


def _autocorrelated(random: Random, length: int, phi: float) -> list[float]:
    values, last = [], random.gauss(0, 1)
    for _ in range(length):
        shock = random.gauss(0, 1) * (1.8 if random.random() < 0.04 else 1.0)
        last = phi * last + math.sqrt(1 - phi * phi) * shock
        values.append(last)
    return values


def _changed(random: Random, noise: list[float], shape: str, incident: Incident) -> list[float]:
    sign = 1 if random.random() < 0.75 else -1
    changed = list(noise)
    last = min(incident.end, incident.start + 4) if shape == "spike" else incident.end
    for index in range(incident.start, last):
        if shape == "variance":
            changed[index] *= _SPREAD[incident.severity]
            continue
        size = _SHIFT[shape][incident.severity]
        along = min(1.0, (index - incident.start + 1) / 40) if shape == "ramp" else 1.0
        changed[index] += sign * size * along
    return changed


def _in_units(random: Random, name: str, noise: list[float]) -> list[float]:
    if name == "divergence":
        middle = random.uniform(0.1, 0.24)
        odds = math.log(middle / (1 - middle))
        return [1 / (1 + math.exp(-odds - 0.42 * value)) for value in noise]
    if name == "tool_calls":
        rate = random.uniform(2, 7)
        return [float(max(0, round(rate + math.sqrt(rate) * value))) for value in noise]
    spread = random.uniform(0.25, 0.6)
    scale = {"duration": 8.0, "tokens": 700.0, "cost": 0.01, "state_size": 200.0}[name]
    values = [scale * math.exp(spread * value) for value in noise]
    return [float(round(value)) if name == "tokens" else value for value in values]


def _failures(random: Random, length: int, incident: Incident | None) -> list[bool]:
    usual = random.choice((0.0, 0.02, 0.05))
    rates = [usual] * length
    if incident is not None and ERRORS in incident.shapes:
        worse = usual + _ERROR_RATES[incident.severity]
        rates[incident.start : incident.end] = [worse] * (incident.end - incident.start)
    return [random.random() < rate for rate in rates]


def _threads(random: Random, length: int) -> list[str]:
    """Return the thread of each checkpoint: one for all, or up to three at a time, short ones."""
    if random.random() < 0.6:
        return ["main"] * length
    left: dict[str, int] = {}
    wanted, began, told = random.randint(1, 3), 0, []
    for _ in range(length):
        while len(left) < wanted:
            left[f"thread-{began}"] = random.randint(15, 60)
            began += 1
        thread = random.choice(sorted(left))
        told.append(thread)
        left[thread] -= 1
        if not left[thread]:
            del left[thread]
    return told


def _sizes(random: Random, threads: Sequence[str], grown: Sequence[float]) -> list[float]:
    """Return the size of each checkpoint's state: what its thread has grown to."""
    now: dict[str, float] = {}
    told = []
    for thread, by in zip(threads, grown, strict=True):
        now[thread] = now.get(thread, random.uniform(1000, 4000)) + by
        told.append(now[thread])
    return told
