"""Failures, metrics and effects of a batch: rows that are there once and never change.

Their threads are locked, so a row that is not there is not about to be made by somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, TypeVar

from dashboard.models import Effect, Failure, MetricsPoint, Thread
from dashboard.services.ingest.cleaning import MAX_TEXT_CHARACTERS, mapping, text
from dashboard.services.ingest.heads import ThreadName
from dashboard.services.reports.items import EffectItem, FailureItem, MetricsItem

MAX_TRACEBACK_CHARACTERS = 20_000
MAX_POINTS = 10_000
"""Measurements that a thread keeps; with one a minute that is a week."""
Key = TypeVar("Key")
Row = TypeVar("Row")


def take_failures(
    threads: Mapping[ThreadName, Thread], items: Sequence[FailureItem], now: datetime
) -> int:
    """Store failures; return how many are new."""
    return _store_once(Failure, [_failure(threads[item.thread], item, now) for item in items])


def take_metrics(
    threads: Mapping[ThreadName, Thread], items: Sequence[MetricsItem], now: datetime
) -> int:
    """Store measurements, the newest of each thread; return how many are new."""
    new = _store_once(MetricsPoint, [_point(threads[item.thread], item, now) for item in items])
    if new:
        _forget_oldest({threads[item.thread].pk for item in items})
    return new


def _store_once(model: Any, rows: Iterable[Any]) -> int:
    """Insert the rows whose item is not known in their thread; return how many."""
    found = {(row.thread_id, row.item_id): row for row in rows}
    if not found:
        return 0
    same = model.objects.filter(thread__in={t for t, _ in found}, item_id__in={i for _, i in found})
    known = set(same.values_list("thread_id", "item_id"))
    return len(model.objects.bulk_create(_new(found, known)))


def _forget_oldest(threads: Iterable[int]) -> None:
    """Keep of each thread the measurements that came last."""
    for thread in threads:
        rows = MetricsPoint.objects.filter(thread=thread)
        beyond = rows.order_by("-pk").values_list("pk", flat=True)[MAX_POINTS : MAX_POINTS + 1]
        if (newest_of_them := beyond.first()) is not None:
            rows.filter(pk__lte=newest_of_them).delete()


def take_effects(
    threads: Mapping[ThreadName, Thread], items: Sequence[EffectItem], now: datetime
) -> int:
    """Store effects, each name and key of a thread once; return how many are new."""
    found: dict[tuple[int, str, str], Effect] = {}
    for item in items:
        key = threads[item.thread].pk, item.name, item.key
        found.setdefault(key, _effect(threads[item.thread], item, now))
    if not found:
        return 0
    same = Effect.objects.filter(
        thread__in={key[0] for key in found}, key__in={key[2] for key in found}
    )
    known = set(same.values_list("thread_id", "name", "key"))
    return len(Effect.objects.bulk_create(_new(found, known)))


def _new(found: Mapping[Key, Row], known: Set[Key]) -> list[Row]:
    return [row for key, row in found.items() if key not in known]


def _failure(thread: Thread, item: FailureItem, now: datetime) -> Failure:
    return Failure(
        thread=thread,
        item_id=item.id,
        error_type=text(item.error_type)[:200],
        message=text(item.message),
        traceback=_ending(item.traceback),
        checkpoint_id=item.checkpoint_id,
        run_id=item.run_id,
        step=item.step,
        step_name=text(item.step_name),
        at=min(item.at, now),
        received_at=now,
    )


def _ending(traceback: str) -> str:
    """Return a traceback's end, where the error is, in pieces that a database can keep."""
    end = traceback[-MAX_TRACEBACK_CHARACTERS:]
    pieces = range(0, len(end), MAX_TEXT_CHARACTERS)
    return "".join(text(end[at : at + MAX_TEXT_CHARACTERS]) for at in pieces)


def _point(thread: Thread, item: MetricsItem, now: datetime) -> MetricsPoint:
    return MetricsPoint(
        thread=thread,
        item_id=item.id,
        step=item.step,
        values=mapping(item.values),
        at=min(item.at, now),
    )


def _effect(thread: Thread, item: EffectItem, now: datetime) -> Effect:
    return Effect(
        thread=thread,
        name=item.name,
        key=item.key,
        checkpoint_id=item.checkpoint_id,
        at=min(item.at, now),
        received_at=now,
    )
