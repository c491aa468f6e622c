"""Samples of the index's own counters: once an hour, in one transaction, without any store.

Done twice in an hour, by whichever workers, the rows of the hour stay as the first made them; those
of the day are written anew. So nothing has to be claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from dashboard.models import (
    Agent,
    AgentSample,
    Grain,
    Source,
    SourceSample,
    SourceStorage,
    Thread,
    ThreadSample,
    ThreadStorage,
    TrashedBatch,
)

T = TypeVar("T")
AT_ONCE = 1000
HELD = ("pk", "checkpoint_count", "stored_bytes")
Held = tuple[int, int, int]
COUNTERS = ("sampled_at", "checkpoint_count", "stored_bytes")
MEASURES = (
    *("plain_bytes", "packed_bytes", "whole_bytes", "orphaned_bytes", "free_bytes"),
    "trashed_bytes",
)


class Sampled(NamedTuple):
    """How many rows there are a sample of."""

    sources: int
    agents: int
    threads: int


def begin_of(grain: Grain, moment: datetime) -> datetime:
    """Return when the hour or the day of a time began in UTC, wherever the time was told."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if grain is Grain.HOUR else hour.replace(hour=0)


@transaction.atomic
def take_samples(*, now: datetime) -> Sampled:
    """Write down what every source and agent holds now, and each thread that changed."""
    sources = list(_sources())
    threads = list(_changed().values_list(*HELD))
    agents = Agent.objects.filter(_ready("source__")).values_list(*HELD).iterator(AT_ONCE)
    _expect_measures(sources, now)
    _write(SourceSample, "source", map(_of_source, sources), now, measured=MEASURES)
    count = _write(AgentSample, "agent", (_of("agent", row) for row in agents), now)
    _write(ThreadSample, "thread", (_of("thread", row) for row in threads), now)
    _remember(threads)
    return Sampled(len(sources), count, len(threads))


def ready_sources() -> QuerySet[Source]:
    """Return the sources of which all is in the index: those read to their end, or reported."""
    return Source.objects.filter(_ready(""))


def _ready(path: str) -> Q:
    read = Q(**{f"{path}last_synced_at__isnull": False})
    return read | Q(**{f"{path}connected": False})


def _sources() -> QuerySet[Source]:
    """Return the sources with their sums, each from rows that stand for many checkpoints."""
    agents = Agent.objects.filter(source=OuterRef("pk")).order_by().values("source")
    threads = ThreadStorage.objects.filter(thread__agent__source=OuterRef("pk"))
    measured = threads.order_by().values("thread__agent__source")
    trash = TrashedBatch.objects.filter(
        purged_at=None, returned_at=None, operation__source=OuterRef("pk")
    )
    batches = trash.order_by().values("operation__source")

    def of(rows: QuerySet[Any], value: Any) -> Subquery:
        return Subquery(rows.annotate(found=value).values("found"))

    return (
        ready_sources()
        .select_related("storage")
        .annotate(
            count_sum=Coalesce(of(agents, Sum("checkpoint_count")), 0),
            byte_sum=Coalesce(of(agents, Sum("stored_bytes")), 0),
            plain_sum=of(measured, Sum("plain_bytes")),
            packed_sum=of(measured, Sum("packed_bytes")),
            trash_sum=Coalesce(of(batches, Sum("stored_bytes")), 0),
        )
    )


def _of_source(source: Source) -> dict[str, Any]:
    sums = vars(source)
    found: dict[str, Any] = {
        "source_id": source.pk,
        "checkpoint_count": sums["count_sum"],
        "stored_bytes": sums["byte_sum"],
        "plain_bytes": sums["plain_sum"],
        "packed_bytes": sums["packed_sum"],
        "trashed_bytes": sums["trash_sum"],
    }
    if (measured := getattr(source, "storage", None)) is not None:
        for name in ("whole_bytes", "orphaned_bytes", "free_bytes"):
            found[name] = getattr(measured, name)
    return found


def _of(name: str, row: Held) -> dict[str, Any]:
    pk, count, stored = row
    return {f"{name}_id": pk, "checkpoint_count": count, "stored_bytes": stored}


def _changed() -> QuerySet[Thread]:
    """Return the threads that do not hold what their last sample says."""
    return Thread.objects.filter(_ready("agent__source__")).exclude(
        storage__checkpoint_count=F("checkpoint_count"), storage__stored_bytes=F("stored_bytes")
    )


def _remember(threads: Sequence[Held]) -> None:
    """Note what the samples of threads say."""
    for some in _batches(threads):
        ThreadStorage.objects.bulk_create(
            [ThreadStorage(**_of("thread", row)) for row in some],
            update_conflicts=True,
            unique_fields=["thread"],
            update_fields=["checkpoint_count", "stored_bytes"],
        )


def _expect_measures(sources: Iterable[Source], now: datetime) -> None:
    """Let every source be measured that never was."""
    new = [one for one in sources if getattr(one, "storage", None) is None]
    rows = [SourceStorage(source=source, next_at=now) for source in new]
    SourceStorage.objects.bulk_create(rows, ignore_conflicts=True)


def _write(
    model: Any,
    of: str,
    rows: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    measured: tuple[str, ...] = (),
) -> int:
    """Write the hour's and the day's row of each; return how many there are."""
    count = 0
    for some in _batches(rows):
        count += len(some)
        hours, days = (
            [
                model(grain=grain, at=begin_of(grain, now), sampled_at=now, **values)
                for values in some
            ]
            for grain in (Grain.HOUR, Grain.DAY)
        )
        model.objects.bulk_create(hours, ignore_conflicts=True)
        model.objects.bulk_create(
            days,
            update_conflicts=True,
            unique_fields=[of, "grain", "at"],
            update_fields=[*COUNTERS, *measured],
        )
    return count


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        yield some
