"""What a watch of whole agents finds, and where its rollback ladder leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.drift.agents import Agent, agents
from benchmarks.drift.composed import composed
from benchmarks.drift.labelled import Score, lines
from benchmarks.drift.tables import Comparison, Missing, goals
from benchmarks.measure import Bound, Row
from checkpoints.drift.ladders import RELIABILITY, Candidate, confidence_at, ladder
from checkpoints.drift.watching import AgentDetector

AGENTS = 300
SEED = 2026
"""Parameters were chosen on agents of other seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """An agent, where episodes were opened, and where each was said to have begun."""

    agent: Agent
    opened: Sequence[int]
    onsets: Sequence[int]

    @property
    def estimate(self) -> tuple[int, int] | None:
        """Where the episode that found the incident was opened and said to have begun."""
        incident = self.agent.incident
        for opened, onset in zip(self.opened, self.onsets, strict=True):
            if incident and incident.start <= opened < incident.start + incident.window:
                return opened, onset
        return None


def watched(found: Iterable[Agent], *, sensitivity: float = 0.5) -> list[Watch]:
    """Let a detector watch each agent."""
    return [_watched(agent, AgentDetector(sensitivity=sensitivity)) for agent in found]


def _watched(agent: Agent, detector: AgentDetector) -> Watch:
    opened: dict[int, tuple[int, int]] = {}
    for index, observation in enumerate(agent.observations):
        episode = detector.update(observation)
        if episode is not None and episode.number not in opened:
            opened[episode.number] = index, int(episode.onset_checkpoint or index)
    pairs = list(opened.values())
    return Watch(agent=agent, opened=[i for i, _ in pairs], onsets=[o for _, o in pairs])


def score(watches: Iterable[Watch]) -> Score:
    """Count hits and false alarms, of episodes and per checkpoint."""
    found = Score()
    for watch in watches:
        incident = watch.agent.incident
        label = {"start": incident.start, "window": incident.window} if incident else None
        found.add({"label": label, "x": watch.agent.observations}, watch.opened)
    return found


def rungs_before(watch: Watch) -> list[bool] | None:
    """Return of each rung whether it truly lies before the incident; None where it was missed."""
    incident, estimate = watch.agent.incident, watch.estimate
    if incident is None or estimate is None:
        return None
    opened, onset = estimate
    candidates = [Candidate(index=n, checkpoint_id=str(n)) for n in range(opened + 1)]
    rungs = ladder(candidates, onset=onset)
    return [rung.candidate.index < incident.start for rung in rungs]


def reliability(watches: Sequence[Watch], distance: int) -> float | None:
    """Return how often a checkpoint so far before the estimated onset lay before the incident."""
    held = [
        watch.estimate[1] - distance < watch.agent.incident.start
        for watch in watches
        if watch.agent.incident and watch.estimate and watch.estimate[1] >= distance
    ]
    return sum(held) / len(held) if held else None


def tables() -> Iterator[Comparison]:
    """Yield what was reached beside the goals, on simulated and on composed agents."""
    simulated = watched(agents(AGENTS, seed=SEED))
    yield goals(f"Fused incidents: {AGENTS} simulated agents", _rows(simulated))
    yield _by_metrics(simulated)
    yield _calibration(simulated)
    try:
        rows = list(lines("numeric_dev.jsonl.gz"))
    except Missing:
        return
    made = watched(composed(rows, AGENTS, seed=SEED))
    yield goals(f"Fused incidents: {AGENTS} agents of labelled series", _rows(made))
    yield _by_metrics(made)


def _rows(watches: Sequence[Watch]) -> Iterator[Row]:
    found = score(watches)
    rungs = [rungs for watch in watches if (rungs := rungs_before(watch))]
    first = sum(each[0] for each in rungs) / max(1, len(rungs))
    three = sum(any(each[:3]) for each in rungs) / max(1, len(rungs))
    yield Row(
        name="F1",
        value=found.f1,
        unit="",
        goal=0.83,
        bound=Bound.AT_LEAST,
        note=f"{found.hits} of {found.drifted} found, {found.false_alarms} false alarms",
    )
    yield Row(
        name="false alarms per 1,000",
        value=found.per_thousand,
        unit="",
        goal=1.0,
        note=f"{found.points:,} checkpoints",
    )
    yield Row(name="median delay", value=found.delay, unit="checkpoints")
    low, high = (0.60, 0.90)
    for name, value, goal in (
        ("first rung before the onset", first, low),
        ("one of three rungs before it", three, high),
    ):
        yield Row(name=name, value=value, unit="", goal=goal, bound=Bound.AT_LEAST)


def _by_metrics(watches: Sequence[Watch]) -> Comparison:
    rows = []
    for count in range(1, 7):
        those = [watch for watch in watches if watch.agent.metrics == count]
        found = sum(watch.estimate is not None for watch in those)
        rows.append((str(count), f"{found} of {len(those)}"))
    return Comparison(
        title="Found, by the metrics that an incident touched",
        headings=("metrics", "found"),
        rows=rows,
    )


def _calibration(watches: Sequence[Watch]) -> Comparison:
    rows = []
    for distance, _ in RELIABILITY:
        held = reliability(watches, distance)
        measured = "–" if held is None else f"{held:.2f}"
        rows.append((str(distance), f"{confidence_at(distance):.2f}", measured))
    return Comparison(
        title="Checkpoints before the estimated onset: confidence that is shown, and what held",
        headings=("before", "shown", "held"),
        rows=rows,
    )
