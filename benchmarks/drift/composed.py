"""Agents put together from labelled series: of six metrics one to six change at one point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from benchmarks.drift.agents import BEGAN, LENGTHS, METRICS, Agent, Incident
from checkpoints.drift.episodes import Observation

Rows = Sequence[Mapping[str, Any]]


def composed(rows: Rows, count: int, *, seed: int, clean: float = 0.36) -> Iterator[Agent]:
    """Yield agents made of labelled series, the same for the same seed."""
    random = Random(seed)
    for number in range(count):
        length = LENGTHS[number % len(LENGTHS)]
        pool = [row for row in rows if row["n"] == length and row["metric"] in METRICS]
        touched = [] if random.random() < clean else random.sample(METRICS, random.randint(1, 6))
        chosen = {name: _one(random, pool, name, labelled=name in touched) for name in METRICS}
        yield _agent(chosen, touched)


def _one(random: Random, pool: Rows, metric: str, *, labelled: bool) -> Mapping[str, Any]:
    return random.choice(
        [row for row in pool if row["metric"] == metric and bool(row["label"]) == labelled]
    )


def _agent(chosen: Mapping[str, Mapping[str, Any]], touched: Sequence[str]) -> Agent:
    """Cut the beginnings off, so that all changes come at the same point."""
    labels = {name: chosen[name]["label"] for name in touched}
    start = min((label["start"] for label in labels.values()), default=0)
    series = {
        name: row["x"][labels[name]["start"] - start if name in labels else 0 :]
        for name, row in chosen.items()
    }
    length = min(map(len, series.values()))
    observations = [
        Observation(
            at=BEGAN + timedelta(seconds=30 * index),
            checkpoint_id=str(index),
            metrics={name: float(values[index]) for name, values in series.items()},
        )
        for index in range(length)
    ]
    if not touched:
        return Agent(observations=observations)
    incident = Incident(
        start=start,
        end=length,
        window=min(max(label["window"] for label in labels.values()), length - start),
        shapes={name: label["type"] for name, label in labels.items()},
        severity=max(chosen[name]["sev"] for name in touched),
    )
    return Agent(observations=observations, incident=incident, metrics=len(touched))
