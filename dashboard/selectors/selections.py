"""What a query finds among the checkpoints that somebody may see: how much, where, and the first.

However much there is, no more is counted than can be acted on at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from dashboard import access
from dashboard.access import Right, require, visible
from dashboard.models import Checkpoint, Source, User
from dashboard.selectors.queries import BadWord, Query, parse

MOST = 20_000
"""Checkpoints that one selection holds at most."""
SAMPLE = 50
PROJECT = "thread__agent__source__project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """One checkpoint of a selection, as far as an estimate needs it."""

    pk: int
    thread_pk: int
    source_pk: int
    stored_size: int | None
    pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceShare:
    """What of a selection lies in one source."""

    source: Source
    checkpoints: int
    threads: int
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a query finds, newest first. ``more`` says that there is more than fits into one.

    ``digest`` tells this selection from what the same query finds later.
    """

    query: Query
    picked: tuple[Picked, ...]
    more: bool
    shares: tuple[SourceShare, ...]
    digest: str

    @property
    def checkpoints(self) -> int:
        """How many it holds."""
        return len(self.picked)

    @property
    def stored_bytes(self) -> int:
        """Their stored bytes, as far as they are known."""
        return sum(share.stored_bytes for share in self.shares)

    @property
    def pinned(self) -> int:
        """How many of them are pinned, as far as the index knows."""
        return sum(one.pinned for one in self.picked)

    @property
    def unknown_sizes(self) -> int:
        """Of how many the size is not known."""
        return sum(one.stored_size is None for one in self.picked)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionPage:
    """A query with what it finds, or why it is not understood."""

    text: str
    selection: Selection | None
    problem: str
    rows: tuple[Checkpoint, ...]
    operated: bool


def selection_page(*, user: User, text: str, now: datetime) -> SelectionPage:
    """Return what a query finds, in a constant number of queries."""
    require(user, "read")
    selection, problem = None, ""
    if text.strip():
        try:
            selection = select(user=user, text=text, now=now)
        except BadWord as error:
            problem = str(error)
    shown = [one.pk for one in selection.picked[:SAMPLE]] if selection is not None else []
    return SelectionPage(
        text=text[:2000],
        selection=selection,
        problem=problem,
        rows=tuple(rows_of(shown)),
        operated=access.may(user, "operate"),
    )


def select(*, user: User, text: str, now: datetime, right: Right = "read") -> Selection:
    """Return what a query finds in the projects in which ``user`` has the right. Raises BadWord."""
    require(user, right)
    query = parse(text, now)
    rows = visible(user, Checkpoint.objects.filter(query.condition), PROJECT, right=right)
    if not query.asks_for_removed:
        rows = rows.filter(removed_at=None)
    found = _pick(rows)
    picked = tuple(found[:MOST])
    digest = hashlib.sha256(",".join(str(one.pk) for one in picked).encode()).hexdigest()
    return Selection(
        query=query,
        picked=picked,
        more=len(found) > MOST,
        shares=_shares(picked),
        digest=digest,
    )


def rows_of(pks: Sequence[int]) -> list[Checkpoint]:
    """Return rows with all that they lie in, newest first."""
    related = ("thread__agent__source__project", "thread__head")
    rows = Checkpoint.objects.select_related(*related).filter(pk__in=pks)
    return list(rows.order_by("-created_at", "-pk"))


def _pick(rows: QuerySet[Checkpoint]) -> list[Picked]:
    fields = ("pk", "thread", "thread__agent__source", "stored_size", "pinned")
    found = rows.order_by("-created_at", "-pk").values_list(*fields)[: MOST + 1]
    return [
        Picked(pk=pk, thread_pk=thread, source_pk=source, stored_size=size, pinned=pinned)
        for pk, thread, source, size, pinned in found
    ]


def _shares(picked: Sequence[Picked]) -> tuple[SourceShare, ...]:
    """Return what lies in each source, most first."""
    counts = Counter(one.source_pk for one in picked)
    sizes: Counter[int] = Counter()
    threads: dict[int, set[int]] = {}
    for one in picked:
        sizes[one.source_pk] += one.stored_size or 0
        threads.setdefault(one.source_pk, set()).add(one.thread_pk)
    sources = Source.objects.select_related("project").in_bulk(list(counts))
    return tuple(
        SourceShare(
            source=sources[pk],
            checkpoints=count,
            threads=len(threads[pk]),
            stored_bytes=sizes[pk],
        )
        for pk, count in counts.most_common()
        if pk in sources
    )
