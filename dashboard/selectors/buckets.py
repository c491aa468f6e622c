"""Many checkpoints gathered by the database into a few buckets of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BigIntegerField,
    Count,
    ExpressionWrapper,
    F,
    Func,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
)
from django.db.models.sql.compiler import SQLCompiler

import checkpoints
from dashboard.models import Checkpoint


class Milliseconds(Func):
    """A time as milliseconds since 1970 in UTC."""

    output_field = BigIntegerField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Any:
        template = "CAST((julianday(%(expressions)s) - 2440587.5) * 86400000 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Any:
        template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) * 1000 AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """``count`` checkpoints of one thread and kind between two times in milliseconds."""

    thread_pk: int
    kind: str
    since: int
    until: int
    count: int
    stored_bytes: int | None
    failed: int


def milliseconds(moment: datetime) -> int:
    """Return a time as milliseconds since 1970 in UTC."""
    return round(moment.timestamp() * 1000)


def extent(rows: QuerySet[Checkpoint]) -> tuple[int, int] | None:
    """Return the first and last moment of ``rows``, or None when there are none."""
    found = rows.aggregate(first=Min("created_at"), last=Max("created_at"))
    if found["first"] is None:
        return None
    return milliseconds(found["first"]), milliseconds(found["last"])


def gather(rows: QuerySet[Checkpoint], *, since: int, until: int, buckets: int) -> list[Bucket]:
    """Gather ``rows`` between two moments into at most ``buckets`` per thread and kind."""
    width = max(1, -(-(until - since + 1) // buckets))
    place = ExpressionWrapper(
        (Milliseconds(F("created_at")) - since) / width, output_field=BigIntegerField()
    )
    failed = Q(status=checkpoints.Status.FAILED) | ~Q(damage="")
    found = (
        rows.annotate(place=place)
        .values("thread_id", "kind", "place")
        .annotate(n=Count("pk"), stored=Sum("stored_size"), bad=Count("pk", filter=failed))
        .order_by("place")
    )
    return [_bucket(dict(row), since, width) for row in found]


def _bucket(row: dict[str, Any], since: int, width: int) -> Bucket:
    start = since + row["place"] * width
    return Bucket(
        thread_pk=row["thread_id"],
        kind=row["kind"],
        since=start,
        until=start + width,
        count=row["n"],
        stored_bytes=row["stored"],
        failed=row["bad"],
    )
