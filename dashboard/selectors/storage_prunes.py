"""Where the storage page offers to prune what the policies would free, and why it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dashboard.access import projects
from dashboard.models import Agent, Source, Thread
from dashboard.selectors.restorability import why_source_cannot
from dashboard.selectors.storage_scopes import Scope

Level = Literal["source", "agent", "thread"]
NOT_OPERATED = "This needs the role operator in the project."


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOffer:
    """A prune by the policies that may be previewed; ``refused`` says why not."""

    level: Level
    pk: int
    name: str
    refused: str


@dataclass(frozen=True, slots=True)
class Pruners:
    """The projects in which somebody may operate."""

    operated: frozenset[int]

    @classmethod
    def of(cls, scope: Scope) -> Pruners:
        """Read where whoever looks at a scope may operate, in one query."""
        return cls(frozenset(projects(scope.user, "operate").values_list("pk", flat=True)))

    def refuse(self, source: Source) -> str:
        """Return why this person cannot prune in a source, empty where they can."""
        if source.project_id not in self.operated:
            return NOT_OPERATED
        return why_source_cannot(source, "prune")

    def offer(
        self, level: Level, row: Agent | Thread, source: Source, freed: int | None
    ) -> PruneOffer | None:
        """Return the prune of a row that would free something."""
        if not freed:
            return None
        return PruneOffer(level=level, pk=row.pk, name=str(row), refused=self.refuse(source))


def offer_of(scope: Scope, pruners: Pruners) -> PruneOffer | None:
    """Return the prune of all that a scope holds; of all sources at once there is none."""
    row, level = scope.thread or scope.agent or scope.source, scope.level
    if row is None or scope.source is None or level == "all":
        return None
    refused = pruners.refuse(scope.source)
    return PruneOffer(level=level, pk=row.pk, name=str(row), refused=refused)
