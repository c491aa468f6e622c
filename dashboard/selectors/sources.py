"""Sources: how they are, what they can do, what is wrong in them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from dashboard.access import projects, require, visible
from dashboard.addresses import server_kind, title_of
from dashboard.credentials import CredentialsLost, unseal
from dashboard.models import Agent, Source, User
from dashboard.models.sources import SourceHealth
from dashboard.selectors.errors import NotFound
from dashboard.selectors.findings import FoundGroup, groups_by_source

Kept = Literal["none", "kept", "lost"]
ABILITIES = ("read", "restore", "fork", "edit", "prune", "erase", "verify", "watch")


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that can or cannot be done with a store, and why not."""

    name: str
    given: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source with sums over its agents."""

    source: Source
    agents: int
    checkpoints: int
    stored_bytes: int
    abilities: tuple[Ability, ...]
    findings: tuple[FoundGroup, ...]
    on_server: bool = False
    credentials: Kept = "none"

    @property
    def title(self) -> str:
        """What its kind is called."""
        return title_of(self.source.kind)

    @property
    def is_being_read(self) -> bool:
        """Whether its first reading is under way, or a later one that has much to catch up."""
        waits = self.source.connected and self.source.health != SourceHealth.FAILED
        return waits and (self.source.last_synced_at is None or bool(self.remaining))

    @property
    def remaining(self) -> int | None:
        """About how many checkpoints are still to be read, None while nobody knows."""
        return self.source.scan_remaining

    @property
    def total(self) -> int | None:
        """About how many checkpoints there will be, None while nobody knows."""
        return None if self.remaining is None else self.checkpoints + self.remaining

    @property
    def refusals(self) -> tuple[tuple[str, str], ...]:
        """What cannot be done, by its reason: ``("fork, edit", "…")``."""
        names: dict[str, list[str]] = defaultdict(list)
        for ability in self.abilities:
            if not ability.given and ability.reason:
                names[ability.reason].append(ability.name)
        return tuple((", ".join(found), reason) for reason, found in names.items())


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """All sources by name. ``operated`` are the projects whose sources one may change.

    ``several`` says that one sees more than one project, so that each source names its own.
    """

    rows: tuple[SourceRow, ...]
    operated: frozenset[int]
    several: bool


def sources_page(*, user: User) -> SourcesPage:
    """Return all sources, in a constant number of queries."""
    require(user, "read")
    findings = groups_by_source(user=user)
    rows = visible(user, Source.objects.select_related("project").annotate(**_sums()))
    return SourcesPage(
        rows=tuple(
            _row(source, findings.get(source.pk, ())) for source in rows.order_by("name", "pk")
        ),
        operated=frozenset(projects(user, "operate").values_list("pk", flat=True)),
        several=len(projects(user)[:2]) > 1,
    )


def source_row(*, user: User, source_pk: int) -> SourceRow:
    """Return one source. Raises NotFound."""
    source = visible(user, Source.objects.annotate(**_sums())).filter(pk=source_pk).first()
    if source is None:
        raise NotFound("There is no such source. It may have been removed; see the list.")
    findings = groups_by_source(user=user, source_pk=source_pk)
    return _row(source, findings.get(source_pk, ()))


def _sums() -> dict[str, Coalesce]:
    agents = Agent.objects.filter(source=OuterRef("pk")).order_by().values("source")

    def total(**values: Count | Sum) -> Coalesce:
        (name,) = values
        return Coalesce(Subquery(agents.annotate(**values).values(name)), 0)

    return {
        "agent_total": total(a=Count("pk")),
        "checkpoint_total": total(c=Sum("checkpoint_count")),
        "byte_total": total(b=Sum("stored_bytes")),
    }


def _row(source: Source, findings: tuple[FoundGroup, ...]) -> SourceRow:
    sums = vars(source)
    return SourceRow(
        source=source,
        agents=sums["agent_total"],
        checkpoints=sums["checkpoint_total"],
        stored_bytes=sums["byte_total"],
        abilities=_abilities(source),
        findings=findings,
        on_server=server_kind(source.url) is not None,
        credentials=kept(source),
    )


def kept(source: Source) -> Kept:
    """Say whether credentials are kept for a source, and whether a key here opens them."""
    if not source.credentials:
        return "none"
    try:
        unseal(bytes(source.credentials), project_id=_project_of(source), url=source.url)
    except CredentialsLost:
        return "lost"
    return "kept"


def _project_of(source: Source) -> int:
    found: int = source.project_id  # type: ignore[assignment]
    return found


def _abilities(source: Source) -> tuple[Ability, ...]:
    given = source.capabilities
    reasons = given.get("reasons", {})
    return tuple(
        Ability(name, bool(given[name]), str(reasons.get(name, "")))
        for name in ABILITIES
        if name in given
    )
