"""Taking a batch: what fits is stored in one transaction, what does not is named by its id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from dashboard.models import ApiToken, Directive, Source, Thread
from dashboard.services.ingest.cleaning import UnusableRecord
from dashboard.services.ingest.heads import ThreadName
from dashboard.services.ingest.reported_sources import find_source, reported_source
from dashboard.services.ingest.threads import lock_threads
from dashboard.services.marking import mark
from dashboard.services.reports.acknowledging import (
    UNKNOWN,
    note_acknowledged,
    take_acknowledgements,
)
from dashboard.services.reports.checkpoints import take_checkpoints
from dashboard.services.reports.directives import hand_out
from dashboard.services.reports.happenings import take_effects, take_failures, take_metrics
from dashboard.services.reports.items import (
    AcknowledgementItem,
    CheckpointItem,
    EffectItem,
    FailureItem,
    Item,
    MetricsItem,
    Refused,
    ResumeItem,
)
from dashboard.services.reports.resumes import take_resumes


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of a batch. ``directives`` wait for the threads that it is about."""

    accepted: int
    duplicates: int
    refused: tuple[Refused, ...] = ()
    directives: tuple[Directive, ...] = ()


def take_reports(
    *,
    token: ApiToken,
    source_url: str,
    items: Sequence[Item],
    now: datetime,
    source_name: str = "",
) -> Taken:
    """Store a batch about one store; an item that was taken before changes nothing.

    A store that nobody knew becomes a source with the first thing that happened in it. Raises
    UnusableRecord when the source's URL is none.
    """
    usable, refused = _sorted_out(token, items)
    names = {item.thread for item in usable if not isinstance(item, AcknowledgementItem)}
    if not names and find_source(source_url, token=token) is None:
        refused += [Refused(id=item.id, detail=UNKNOWN) for item in usable]
        return Taken(accepted=0, duplicates=0, refused=tuple(refused))
    with transaction.atomic():
        source = reported_source(source_url, token=token, name=source_name, now=now)
        threads = lock_threads(source, names, now=now)
        accepted, acknowledged, unfit = _take(token, source, threads, usable, now)
        directives = hand_out(threads.values(), now=now)
        note_acknowledged(token, acknowledged, now)
    refused += unfit
    return Taken(
        accepted=accepted,
        duplicates=len(items) - len(refused) - accepted,
        refused=tuple(refused),
        directives=tuple(directives),
    )


def _sorted_out(token: ApiToken, items: Iterable[Item]) -> tuple[list[Item], list[Refused]]:
    usable: list[Item] = []
    refused: list[Refused] = []
    for item in items:
        try:
            item.check()
            _require_own(token, item)
        except UnusableRecord as error:
            refused.append(Refused(id=item.id, detail=f"{error.field}: {error}"))
        else:
            usable.append(item)
    return usable, refused


def _require_own(token: ApiToken, item: Item) -> None:
    if isinstance(item, AcknowledgementItem):
        return
    if token.agent_id and token.agent_id != item.thread[0]:
        raise UnusableRecord("agent_id", f"this token may only report for {token.agent_id!r}")


def _take(
    token: ApiToken,
    source: Source,
    threads: dict[ThreadName, Thread],
    items: Sequence[Item],
    now: datetime,
) -> tuple[int, list[Directive], list[Refused]]:
    """Store each kind; return how many items are new, what they answer, and which were refused."""
    saved, conflicts = take_checkpoints(
        source, threads, [item for item in items if isinstance(item, CheckpointItem)], now
    )
    told, unknown = take_acknowledgements(
        token, source, [item for item in items if isinstance(item, AcknowledgementItem)], now
    )
    measured = (
        take_failures(threads, [i for i in items if isinstance(i, FailureItem)], now),
        take_metrics(threads, [i for i in items if isinstance(i, MetricsItem)], now),
    )
    if any(measured):
        mark({thread.agent_id for thread in threads.values()}, now=now)
    happened = (
        *measured,
        take_effects(threads, [i for i in items if isinstance(i, EffectItem)], now),
        take_resumes(threads, [i for i in items if isinstance(i, ResumeItem)], now),
    )
    return saved + len(told) + sum(happened), told, [*conflicts, *unknown]
