"""What a policy would let go now if it were set, planned from the live stores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import checkpoints
from dashboard import access
from dashboard.models import RetentionPolicy, Source, Thread, User
from dashboard.selectors.retention import Target, read_book
from dashboard.services import operations
from dashboard.services.operations import OperationRefused, PruneOf
from dashboard.services.operations.plans import PrunePart

THREADS_LOOKED_AT = 200
CHECKPOINTS_LOOKED_AT = 150_000
LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedThread:
    """What would become of one thread."""

    thread: Thread
    doomed: int
    kept: int
    removed_bytes: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What would go and stay; ``left_out`` threads were too many to look at, largest ones first.

    ``overridden`` threads have a policy of their own or of something nearer, and are not touched.
    ``refused`` names sources that cannot be pruned, and why.
    """

    threads: int
    left_out: int
    overridden: int
    doomed: int
    kept: int
    removed_bytes: int
    lines: tuple[SimulatedThread, ...]
    refused: tuple[tuple[Source, str], ...]
    touched: int

    @property
    def more_lines(self) -> int:
        """How many threads out of which something would go are not listed."""
        return self.touched - len(self.lines)


def simulate(
    *, user: User, target: Target, policy: checkpoints.RetentionPolicy, now: datetime
) -> Simulation:
    """Say what would go now if a policy were set on a target. Raises Forbidden, Hidden."""
    access.require(user, "read", target.project)
    candidate = RetentionPolicy(name="simulated", rules=policy.to_dict())
    book = read_book([target.project]).with_one(target, candidate)
    inside = [thread for thread in target.threads() if thread.checkpoint_count]
    inheriting = [thread for thread in inside if book.of_thread(thread).policy is candidate]
    looked_at = _first(inheriting)
    planned, refused = _plan(looked_at, policy, now)
    touched = sorted((one for one in planned if one.doomed), key=lambda one: -one.doomed)
    return Simulation(
        threads=len(planned),
        left_out=len(inheriting) - len(looked_at),
        overridden=len(inside) - len(inheriting),
        doomed=sum(one.doomed for one in planned),
        kept=sum(one.kept for one in planned),
        removed_bytes=sum(one.removed_bytes for one in planned),
        lines=tuple(touched[:LINES]),
        touched=len(touched),
        refused=tuple(refused),
    )


def _first(threads: Sequence[Thread]) -> list[Thread]:
    """Return as many threads as can be planned while somebody waits."""
    found: list[Thread] = []
    count = 0
    for thread in threads[:THREADS_LOOKED_AT]:
        count += thread.checkpoint_count
        if found and count > CHECKPOINTS_LOOKED_AT:
            break
        found.append(thread)
    return found


def _plan(
    threads: Sequence[Thread], policy: checkpoints.RetentionPolicy, now: datetime
) -> tuple[list[SimulatedThread], list[tuple[Source, str]]]:
    by_source: dict[Source, list[Thread]] = defaultdict(list)
    for thread in threads:
        by_source[thread.agent.source].append(thread)
    planned: list[SimulatedThread] = []
    refused: list[tuple[Source, str]] = []
    for source, rows in by_source.items():
        try:
            wanted = [PruneOf(thread=row, policy=policy) for row in rows]
            parts = operations.plan_prunes(source, wanted, now=now).parts
        except (OperationRefused, checkpoints.CheckpointError) as error:
            refused.append((source, str(error)))
        else:
            planned += [_simulated(row, part) for row, part in zip(rows, parts, strict=True)]
    return planned, refused


def _simulated(thread: Thread, part: PrunePart) -> SimulatedThread:
    prune = part.prune
    return SimulatedThread(
        thread=thread,
        doomed=len(prune.remove),
        kept=len(prune.keep),
        removed_bytes=prune.removed_bytes,
        notes=prune.notes,
    )
