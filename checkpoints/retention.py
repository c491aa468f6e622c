"""What to keep, with a reason for each checkpoint. Pure: knows no store, disk or clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checkpoints.records import Checkpoint, Kind

GRACE = timedelta(days=7)
"""How long a removed checkpoint stays in the trash before it is deleted for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """What to keep of one thread.

    ``last`` keeps the newest N of a kind, ``within`` those younger than an age; a checkpoint that
    either rule keeps stays. A kind that no rule names is kept.
    """

    last: Mapping[Kind, int] = field(default_factory=dict)
    within: Mapping[Kind, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why one checkpoint stays or goes."""

    checkpoint_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What stays and what goes, newest first."""

    keep: tuple[Decision, ...]
    remove: tuple[Decision, ...]


SEED_POLICY = RetentionPolicy(last={Kind.ROUTINE: 3}, within={Kind.RECOVERY: timedelta(days=7)})
"""What the Resilient Checkpoint System promises: routine 3, recovery 7 days, pre_operation until
its operation completes."""


def plan_prune(
    records: Sequence[Checkpoint],
    policy: RetentionPolicy,
    *,
    now: datetime,
    exempt: Mapping[str, str],
    released: AbstractSet[str] = frozenset(),
) -> PrunePlan:
    """Decide over one thread's records, newest first.

    ``exempt`` maps ids that stay in any case (head, pins) to the reason; ``released`` names
    pre_operation checkpoints whose operation has completed.
    """
    keep: list[Decision] = []
    remove: list[Decision] = []
    seen: Counter[Kind] = Counter()
    for record in records:
        seen[record.kind] += 1
        reason = exempt.get(record.id) or _kept_because(record, policy, seen[record.kind], now)
        if reason and (record.id in exempt or record.id not in released):
            keep.append(Decision(checkpoint_id=record.id, reason=reason))
        else:
            done = record.id in released
            why = "its operation completed" if done else _goes_because(record, policy)
            remove.append(Decision(checkpoint_id=record.id, reason=why))
    return PrunePlan(keep=tuple(keep), remove=tuple(remove))


def _kept_because(
    record: Checkpoint, policy: RetentionPolicy, rank: int, now: datetime
) -> str | None:
    last, within = policy.last.get(record.kind), policy.within.get(record.kind)
    if last is None and within is None:
        return f"no rule for {record.kind}"
    if last is not None and rank <= last:
        return f"{record.kind} {rank} of the last {last}"
    if within is not None and now - record.created_at <= within:
        return f"{record.kind} younger than {_span(within)}"
    return None


def _goes_because(record: Checkpoint, policy: RetentionPolicy) -> str:
    rules = []
    if record.kind in policy.last:
        rules.append(f"not among the last {policy.last[record.kind]}")
    if record.kind in policy.within:
        rules.append(f"older than {_span(policy.within[record.kind])}")
    return f"{record.kind}: {' and '.join(rules)}"


def _span(age: timedelta) -> str:
    return f"{age.days} days" if age.days else str(age)
