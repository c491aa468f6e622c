"""What the policies that apply would free now, thread by thread, planned from the live store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

import checkpoints
from dashboard.models import Source, Thread, ThreadStorage
from dashboard.selectors.retention import read_book, target_of
from dashboard.services import operations
from dashboard.services.operations import OperationRefused, PruneOf

ONCE_IN = timedelta(hours=23)
BEGUN = "Planning it was begun and never came back. It is tried again in a day."
logger = structlog.get_logger(__name__)


def estimate(source: Source, has_time: Callable[[], bool], now: Callable[[], datetime]) -> bool:
    """Plan the threads whose estimate is missing, old, or of another policy; say if that was all.

    Estimates of threads that keep everything by now are forgotten.
    """
    if not source.connected or not source.capabilities.get("prune"):
        return True
    for thread, rules in _due(source, now()):
        if not has_time():
            return False
        _one(source, thread, rules, now())
    return True


def _due(source: Source, now: datetime) -> Iterator[tuple[Thread, checkpoints.RetentionPolicy]]:
    book = read_book([source.project])
    known = {row.pk: row for row in ThreadStorage.objects.filter(thread__agent__source=source)}
    kept = []
    for thread in sorted(target_of(source).threads(), key=lambda one: -one.stored_bytes):
        rules, row = book.of_thread(thread).rules, known.get(thread.pk)
        if rules.keeps_all or not thread.checkpoint_count:
            kept.append(thread.pk)
        elif row is None or _is_due(row, rules.to_dict(), now):
            yield thread, rules
    _forget(kept)


def _is_due(row: ThreadStorage, rules: Mapping[str, Any], now: datetime) -> bool:
    if row.planned_at is None or row.planned_rules != rules:
        return True
    return row.planned_at < now - ONCE_IN


def _forget(pks: list[int]) -> None:
    rows = ThreadStorage.objects.filter(pk__in=pks, planned_at__isnull=False)
    rows.update(
        planned_at=None, planned_rules=None, freed_bytes=None, freed_count=None, plan_message=""
    )


def _one(source: Source, thread: Thread, rules: checkpoints.RetentionPolicy, now: datetime) -> None:
    held = {"checkpoint_count": thread.checkpoint_count, "stored_bytes": thread.stored_bytes}
    ThreadStorage.objects.get_or_create(thread=thread, defaults=held)
    row = ThreadStorage.objects.filter(thread=thread)
    row.update(
        planned_at=now,
        planned_rules=rules.to_dict(),
        freed_bytes=None,
        freed_count=None,
        plan_message=BEGUN,
    )
    try:
        (part,) = operations.plan_prunes(
            source, [PruneOf(thread=thread, policy=rules)], now=now
        ).parts
    except (OperationRefused, checkpoints.CheckpointError) as error:
        row.update(plan_message=str(error))
    except Exception as error:
        logger.exception("thread not planned", thread=thread.pk)
        row.update(plan_message=f"It could not be planned ({type(error).__name__}).")
    else:
        row.update(
            freed_bytes=part.prune.removed_bytes,
            freed_count=len(part.prune.remove),
            plan_message="",
        )
