"""What is wrong in sources: by kind for their cards, one after the other for a page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, F, Min, QuerySet, Window
from django.db.models.functions import RowNumber

import checkpoints
from dashboard.access import require, visible
from dashboard.models import Checkpoint, Operation, Source, SourceFinding, User
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import Order, page_after

PROJECT: Final = "source__project"
PLACES: Final = 20
"""Places of each kind that a card shows."""
NAMED: Final = 10
"""Findings that a checkpoint's page shows."""
_NEWEST: Final = Order(field="found_at")


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A finding, and the page of the checkpoint that it names where that is indexed."""

    finding: SourceFinding
    checkpoint_pk: int | None

    @property
    def kind(self) -> checkpoints.FindingKind:
        """What it means."""
        return checkpoints.kind_of(self.finding.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGroup:
    """The findings of one kind in a source: how many, since when, and the newest of them."""

    kind: checkpoints.FindingKind
    count: int
    since: datetime | None = None
    first: tuple[FoundPlace, ...] = ()

    @property
    def more(self) -> int:
        """How many are not among the first."""
        return self.count - len(self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsPage:
    """Some findings of a source, newest first; ``gone`` ones, or those that are still there."""

    source: Source
    rows: tuple[FoundPlace, ...]
    next_key: str
    kinds: tuple[FoundGroup, ...]
    kind: checkpoints.FindingKind | None
    gone: bool
    count: int
    gone_count: int


def groups_by_source(
    *, user: User, source_pk: int | None = None
) -> Mapping[int, tuple[FoundGroup, ...]]:
    """Return what is wrong in each source, gravest first, in a constant number of queries."""
    rows = visible(user, SourceFinding.objects.filter(gone_at=None), PROJECT)
    if source_pk is not None:
        rows = rows.filter(source=source_pk)
    places = _first_places(rows)
    groups: dict[int, list[FoundGroup]] = defaultdict(list)
    for source, name, count, since in _counts(rows):
        first = tuple(places.get((source, name), ()))
        kind = checkpoints.kind_of(name)
        groups[source].append(FoundGroup(kind=kind, count=count, since=since, first=first))
    return {source: _gravest_first(found) for source, found in groups.items()}


def findings_page(
    *, user: User, source_pk: int, kind: str = "", gone: bool = False, after: str = ""
) -> FindingsPage:
    """Return a page of a source's findings, in a constant number of queries.

    Raises NotFound for a source that is not there and a key that no page handed out.
    """
    require(user, "read")
    source = visible(user, Source.objects.select_related("project")).filter(pk=source_pk).first()
    if source is None:
        raise NotFound("There is no such source. It may have been removed; see the list.")
    every = visible(user, SourceFinding.objects.filter(source=source), PROJECT)
    shown = every.filter(gone_at__isnull=not gone)
    groups = [
        FoundGroup(kind=checkpoints.kind_of(name), count=count, since=since)
        for _, name, count, since in _counts(shown)
    ]
    found = page_after(shown.filter(kind=kind) if kind else shown, _NEWEST, after)
    count = sum(group.count for group in groups)
    return FindingsPage(
        source=source,
        rows=tuple(_linked(found.rows)),
        next_key=found.next_key,
        kinds=_gravest_first(groups),
        kind=checkpoints.kind_of(kind) if kind else None,
        gone=gone,
        count=count,
        gone_count=count if gone else every.filter(gone_at__isnull=False).count(),
    )


def findings_naming(row: Checkpoint) -> tuple[FoundPlace, ...]:
    """Return what is wrong with a checkpoint that the caller may see, gravest first."""
    names = {"source": row.thread.agent.source_id, "checkpoint_id": row.checkpoint_id}
    found = SourceFinding.objects.filter(**names, gone_at=None)
    found = found.filter(thread_id__in=("", row.thread.thread_id)).order_by("-found_at", "-pk")
    places = (FoundPlace(finding, row.pk) for finding in found[:NAMED])
    return tuple(sorted(places, key=lambda place: checkpoints.gravity(place.kind)))


def groups_told(operation: Operation) -> tuple[FoundGroup, ...]:
    """Return what a verification that the caller may see came to, as it was then."""
    kinds = operation.result.get("kinds", [])
    rows = tuple(_told(operation, place) for kind in kinds for place in kind["places"])
    places: dict[str, list[FoundPlace]] = defaultdict(list)
    for linked in _linked(rows):
        places[linked.finding.kind].append(linked)
    return tuple(
        FoundGroup(
            kind=checkpoints.kind_of(kind["kind"]),
            count=kind["count"],
            first=tuple(places[kind["kind"]]),
        )
        for kind in kinds
    )


def _told(operation: Operation, place: Mapping[str, Any]) -> SourceFinding:
    return SourceFinding(
        source_id=operation.source_id,
        kind=place["kind"],
        message=place["message"],
        checkpoint_id=place["checkpoint_id"] or "",
        thread_id=place["thread_id"] or "",
    )


def _counts(rows: QuerySet[SourceFinding]) -> Iterable[tuple[int, str, int, datetime]]:
    by_kind = rows.order_by().values_list("source_id", "kind")
    return by_kind.annotate(count=Count("pk"), since=Min("found_at"))


def _gravest_first(groups: Iterable[FoundGroup]) -> tuple[FoundGroup, ...]:
    return tuple(sorted(groups, key=lambda group: checkpoints.gravity(group.kind)))


def _first_places(rows: QuerySet[SourceFinding]) -> Mapping[tuple[int, str], list[FoundPlace]]:
    """Return the newest findings of each kind in each source."""
    newest = [F("found_at").desc(), F("pk").desc()]
    place = Window(RowNumber(), partition_by=[F("source_id"), F("kind")], order_by=newest)
    first = rows.annotate(place=place).filter(place__lte=PLACES).order_by("place")
    found: dict[tuple[int, str], list[FoundPlace]] = defaultdict(list)
    for linked in _linked(tuple(first)):
        found[linked.finding.source_id, linked.finding.kind].append(linked)
    return found


def _linked(findings: tuple[SourceFinding, ...]) -> Iterable[FoundPlace]:
    """Yield findings with their checkpoints' rows; one query for all of them."""
    pages = _Pages()
    names = {finding.checkpoint_id for finding in findings if finding.checkpoint_id}
    if names:
        rows = Checkpoint.objects.filter(
            thread__agent__source__in={finding.source_id for finding in findings},
            checkpoint_id__in=names,
        )
        of_row = ("thread__agent__source_id", "checkpoint_id", "thread__thread_id", "pk")
        for source, name, thread, pk in rows.order_by("-pk").values_list(*of_row):
            pages.add(source, name, thread, pk)
    return (FoundPlace(finding, pages.of(finding)) for finding in findings)


@dataclass(slots=True)
class _Pages:
    """Finds a checkpoint's row by what a finding says of it."""

    _known: dict[tuple[int, str, str], int] = field(default_factory=dict)

    def add(self, source: int, checkpoint_id: str, thread_id: str, pk: int) -> None:
        """Note a row under its thread, and under none for findings that name none."""
        for thread in ("", thread_id):
            self._known[source, checkpoint_id, thread] = pk

    def of(self, finding: SourceFinding) -> int | None:
        """Return the row of the checkpoint that a finding names."""
        return self._known.get((finding.source_id, finding.checkpoint_id, finding.thread_id))
