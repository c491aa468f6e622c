"""Findings of a whole store, by their kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from checkpoints.findings.kinds import FindingKind, Severity
from checkpoints.findings.known import KINDS, kind_of
from checkpoints.records import Finding

_PLACES = {name: place for place, name in enumerate(KINDS)}
_GRAVITY = {severity: place for place, severity in enumerate(Severity)}


@dataclass(slots=True)
class FindingGroup:
    """The findings of one kind: how many there are, and the first of them."""

    kind: FindingKind
    count: int = 0
    first: list[Finding] = field(default_factory=list)


def grouped(findings: Iterable[Finding], *, places: int) -> list[FindingGroup]:
    """Return findings by their kind, gravest first, with up to ``places`` of each.

    No more than those are held in memory.
    """
    groups: dict[str, FindingGroup] = {}
    for finding in findings:
        kind = kind_of(finding.kind)
        group = groups.setdefault(kind.name, FindingGroup(kind))
        group.count += 1
        if len(group.first) < places:
            group.first.append(finding)
    return sorted(groups.values(), key=lambda group: gravity(group.kind))


def gravity(kind: FindingKind) -> tuple[int, int, str]:
    """Return what sorts kinds of finding with the gravest first."""
    return _GRAVITY[kind.severity], _PLACES.get(kind.name, len(_PLACES)), kind.name
