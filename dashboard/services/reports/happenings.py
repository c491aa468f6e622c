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
Key = TypeVar("Key")
Row = TypeVar("Row")


def take_failures(
    threads: Mapping[ThreadName, Thread], items: Sequence[FailureItem], now: datetime
) -> int:
    """Store failures; return how many are new."""
    found = {(threads[i.thread].pk, i.id): _failure(threads[i.thread], i, now) for i in items}
    rows = Failure.objects.filter(thread__in={t for t, _ in found}, item_id__in=_last(found))
    known = set(rows.values_list("thread_id", "item_id")) if found else set()
    return len(Failure.objects.bulk_create(_new(found, known)))


def take_metrics(
    threads: Mapping[ThreadName, Thread], items: Sequence[MetricsItem], now: datetime
) -> int:
    """Store measurements; return how many are new."""
    found = {(threads[i.thread].pk, i.id): _point(threads[i.thread], i, now) for i in items}
    rows = MetricsPoint.objects.filter(thread__in={t for t, _ in found}, item_id__in=_last(found))
    known = set(rows.values_list("thread_id", "item_id")) if found else set()
    return len(MetricsPoint.objects.bulk_create(_new(found, known)))


def take_effects(
    threads: Mapping[ThreadName, Thread], items: Sequence[EffectItem], now: datetime
) -> int:
    """Store effects, each name and key of a thread once; return how many are new."""
    found: dict[tuple[int, str, str], Effect] = {}
    for item in items:
        key = threads[item.thread].pk, item.name, item.key
        found.setdefault(key, _effect(threads[item.thread], item, now))
    rows = Effect.objects.filter(thread__in={key[0] for key in found}, key__in=_last(found))
    known = set(rows.values_list("thread_id", "name", "key")) if found else set()
    return len(Effect.objects.bulk_create(_new(found, known)))


def _new(found: Mapping[Key, Row], known: Set[Key]) -> list[Row]:
    return [row for key, row in found.items() if key not in known]


def _last(keys: Iterable[tuple[Any, ...]]) -> set[str]:
    return {key[-1] for key in keys}


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
