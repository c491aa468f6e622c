"""Deciding over one thread's checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from checkpoints.records import Checkpoint, Kind
from checkpoints.retention.budget import Cut, cut
from checkpoints.retention.policy import RetentionPolicy
from checkpoints.retention.rules import Rule, rules_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why one checkpoint stays or goes."""

    checkpoint_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What stays and what goes, newest first; ``notes`` say what could not be done or known."""

    keep: tuple[Decision, ...]
    remove: tuple[Decision, ...]
    notes: tuple[str, ...] = ()


def plan_prune(
    records: Sequence[Checkpoint],
    policy: RetentionPolicy,
    *,
    now: datetime,
    exempt: Mapping[str, str],
    released: AbstractSet[str] = frozenset(),
) -> PrunePlan:
    """Decide over one thread's records, newest first.

    ``exempt`` maps ids that stay in any case (head, pins, what a running operation may go back
    to) to the reason; ``released`` names pre_operation checkpoints whose operation has completed.
    A checkpoint that several rules keep is given all their reasons. Planning again over what is
    kept removes nothing more, and a policy with a larger number or age in one place removes
    nothing that the other keeps (with a budget: if that is the larger number).
    """
    fates = decide(records, policy, now=now, exempt=exempt, released=released)
    return PrunePlan(
        keep=_decisions(records, fates.keep),
        remove=_decisions(records, fates.remove),
        notes=fates.notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """Why each checkpoint stays or goes, by its id."""

    keep: Mapping[str, str]
    remove: Mapping[str, str]
    notes: tuple[str, ...] = ()


def decide(
    records: Sequence[Checkpoint],
    policy: RetentionPolicy,
    *,
    now: datetime,
    exempt: Mapping[str, str],
    released: AbstractSet[str] = frozenset(),
) -> Fates:
    """Decide as :func:`plan_prune` does; for many records without a value made for each."""
    applied = tuple(rules_of(policy, records, now))
    rules = {kind: _concerning(kind, applied) for kind in Kind}
    otherwise = {kind: _goes_because(kind, rules[kind]) for kind in Kind}
    keep: dict[str, str] = {}
    remove: dict[str, str] = {}
    for record in records:
        if record.id in exempt:
            keep[record.id] = exempt[record.id]
        elif record.id in released:
            remove[record.id] = "its operation completed"
        elif reason := _kept_because(record, rules[record.kind]):
            keep[record.id] = reason
        else:
            remove[record.id] = otherwise[record.kind]
    budget = _over_budget(policy, [r for r in records if r.id in keep], exempt.keys())
    remove.update(dict.fromkeys(budget.over, budget.reason))
    for name in budget.over:
        del keep[name]
    return Fates(keep=keep, remove=remove, notes=budget.notes)


def _concerning(kind: Kind, rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.kind in (None, kind)]


def _kept_because(record: Checkpoint, rules: Sequence[Rule]) -> str:
    if not rules:
        return f"no rule for {record.kind}"
    return "; ".join([rule.kept[record.id] for rule in rules if record.id in rule.kept])


def _goes_because(kind: Kind, rules: Sequence[Rule]) -> str:
    return f"{kind}: {' and '.join(rule.otherwise for rule in rules)}"


def _over_budget(
    policy: RetentionPolicy, kept: Sequence[Checkpoint], protected: AbstractSet[str]
) -> Cut:
    return Cut() if policy.max_bytes is None else cut(kept, policy.max_bytes, protected)


def _decisions(records: Sequence[Checkpoint], reasons: Mapping[str, str]) -> tuple[Decision, ...]:
    return tuple(
        Decision(checkpoint_id=record.id, reason=reasons[record.id])
        for record in records
        if record.id in reasons
    )
