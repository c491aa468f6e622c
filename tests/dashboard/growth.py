"""Months of samples in the index, without a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard.models import (
    Agent,
    AgentSample,
    Grain,
    Project,
    Source,
    SourceSample,
    SourceStorage,
    Thread,
    ThreadSample,
    ThreadStorage,
)
from dashboard.models.access import default_project

KB = 1000
HOURS = 14 * 24


def grown(
    now: datetime,
    *,
    name: str = "agents",
    agents: int = 2,
    days: int = 40,
    project: Project | None = None,
    size: Callable[[int, int], int] = lambda agent, hours: (agent + 1) * hours * KB,
    gaps: Collection[int] = (),
) -> Source:
    """Make a source whose agents grew for ``days``, each with a thread.

    ``size`` is what an agent holds so many hours after the first sample; in the days of ``gaps``,
    counted back from now, no worker ran.
    """
    source = Source.objects.create(
        project_id=project.pk if project else default_project(),
        name=name,
        url=f"sqlite:////data/{name}.db",
        kind="sqlite",
        created_at=now,
    )
    SourceStorage.objects.create(source=source, next_at=now)
    held = [size(number, days * 24) for number in range(agents)]
    rows = [_agent(source, f"{name}-{number}", one, now) for number, one in enumerate(held)]
    samples: list[Any] = []
    for grain, at in _times(now, days, gaps):
        begin = at if grain is Grain.HOUR else at.replace(hour=0)
        hours = max(0, days * 24 - _hours(now, at))
        held = [size(number, hours) for number in range(agents)]
        samples += _samples(source, rows, held, {"grain": grain, "at": begin, "sampled_at": at})
    for model in (SourceSample, AgentSample, ThreadSample):
        of_it: Any = model
        of_it.objects.bulk_create([one for one in samples if type(one) is model], batch_size=2000)
    return source


def _agent(source: Source, name: str, size: int, now: datetime) -> tuple[Agent, Thread]:
    held = {"stored_bytes": size, "checkpoint_count": size // KB}
    agent = Agent.objects.create(source=source, agent_id=name, created_at=now, **held)
    thread = Thread.objects.create(agent=agent, thread_id="main", **held)
    ThreadStorage.objects.create(thread=thread, **held)
    return agent, thread


def _times(now: datetime, days: int, gaps: Collection[int]) -> list[tuple[Grain, datetime]]:
    """Return the hours and days that were sampled: each day's last hour stands for it."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [this - timedelta(hours=number) for number in range(min(days * 24, HOURS))]
    ends = [this - timedelta(days=number) for number in range(days + 1)]
    found = [(Grain.HOUR, at) for at in hours] + [(Grain.DAY, at) for at in ends]
    return [(grain, at) for grain, at in found if (this - at).days not in gaps]


def _hours(now: datetime, at: datetime) -> int:
    return round((now - at).total_seconds() / 3600)


def _samples(
    source: Source, rows: list[tuple[Agent, Thread]], held: list[int], given: dict[str, Any]
) -> Iterator[Any]:
    yield SourceSample(
        source=source, stored_bytes=sum(held), checkpoint_count=sum(held) // KB, **given
    )
    for (agent, thread), size in zip(rows, held, strict=True):
        values = {"stored_bytes": size, "checkpoint_count": size // KB, **given}
        yield AgentSample(agent=agent, **values)
        yield ThreadSample(thread=thread, **values)
