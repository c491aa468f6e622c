"""What each kind of operation will do, as it is kept in its row and confirmed by its digest.

A restore's and a fork's plans are the SDK's own. The others reach over many threads: they hold one
part for each thread, and what was asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self

import checkpoints
from dashboard.models import Operation, OperationKind
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.many import collector_at_rest

_READ = "_plan_as_read"


class Plan(Protocol):
    """What an operation will do: JSON types, and a digest of what decides its effect."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        ...

    def digest(self) -> str:
        """Return the hex sha256 of what decides the effect."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePart:
    """What goes out of one thread, and by what.

    Either a ``policy`` (``RetentionPolicy.to_dict``) decides anew when the worker carries it out,
    or only what was selected goes, and it is None.
    """

    prune: checkpoints.ThreadPrune
    policy: Mapping[str, Any] | None = None

    def decisive(self) -> list[Any]:
        """Return what decides its effect."""
        return [self.prune.digest(), dict(self.policy) if self.policy is not None else None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """Which checkpoints go out of which threads; policies count ages as of ``planned_at``."""

    planned_at: datetime
    parts: tuple[PrunePart, ...]

    @property
    def doomed(self) -> int:
        """How many checkpoints go."""
        return sum(len(part.prune.remove) for part in self.parts)

    @property
    def kept(self) -> int:
        """How many checkpoints stay in the threads that it looks at."""
        return sum(len(part.prune.keep) for part in self.parts)

    @property
    def removed_bytes(self) -> int:
        """The stored bytes of what goes, as far as they are known."""
        return sum(part.prune.removed_bytes for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return {
            "planned_at": self.planned_at.isoformat(),
            "parts": [
                [part.prune.to_dict(), dict(part.policy) if part.policy is not None else None]
                for part in self.parts
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_dict`."""
        return cls(
            planned_at=datetime.fromisoformat(values["planned_at"]),
            parts=tuple(
                PrunePart(prune=checkpoints.ThreadPrune.from_dict(prune), policy=policy)
                for prune, policy in values["parts"]
            ),
        )

    def digest(self) -> str:
        """Return the hex sha256 of the time, the policies and what goes."""
        return _digest([self.planned_at.isoformat(), *(part.decisive() for part in self.parts)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePlan:
    """Which checkpoints are erased for good, and whose they are: of a run, a user or a thread.

    ``scope`` names what was asked for, such as ``{"run_id": …}``.
    """

    scope: Mapping[str, str]
    threads: tuple[checkpoints.ThreadErasure, ...]

    @property
    def doomed(self) -> int:
        """How many checkpoints go."""
        return sum(len(thread.targets) for thread in self.threads)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return {
            "scope": dict(self.scope),
            "threads": [thread.to_dict() for thread in self.threads],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_dict`."""
        threads = tuple(checkpoints.ThreadErasure.from_dict(one) for one in values["threads"])
        return cls(scope=values["scope"], threads=threads)

    def digest(self) -> str:
        """Return the hex sha256 of whose checkpoints go and of which."""
        return _digest([dict(self.scope), *sorted(thread.digest() for thread in self.threads)])


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyPlan:
    """Which source is read through, and whether every state is decoded too (``deep``)."""

    deep: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return {"deep": self.deep}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_dict`."""
        return cls(deep=bool(values["deep"]))

    def digest(self) -> str:
        """Return the hex sha256 of the plan."""
        return _digest(self.to_dict())


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one prune moved to the trash out of one thread. ``batch`` is its row's number."""

    batch: int
    operation_id: str
    agent_id: str
    thread_id: str
    checkpoint_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesPlan:
    """Which batches come back out of the trash, or leave it for good."""

    batches: tuple[Batch, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return {
            "batches": [
                [b.batch, b.operation_id, b.agent_id, b.thread_id, list(b.checkpoint_ids)]
                for b in self.batches
            ]
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_dict`."""
        return cls(batches=tuple(_batch(one) for one in values["batches"]))

    def digest(self) -> str:
        """Return the hex sha256 of the plan."""
        return _digest(self.to_dict())


def _batch(values: Sequence[Any]) -> Batch:
    batch, operation_id, agent_id, thread_id, checkpoint_ids = values
    return Batch(
        batch=batch,
        operation_id=operation_id,
        agent_id=agent_id,
        thread_id=thread_id,
        checkpoint_ids=tuple(checkpoint_ids),
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Plan]] = {
    OperationKind.RESTORE: checkpoints.RestorePlan.from_dict,
    OperationKind.FORK: checkpoints.ForkPlan.from_dict,
    OperationKind.EDIT_FORK: checkpoints.ForkPlan.from_dict,
    OperationKind.PRUNE: PrunePlan.from_dict,
    OperationKind.VERIFY: VerifyPlan.from_dict,
    OperationKind.ERASE: ErasePlan.from_dict,
    OperationKind.SWEEP: BatchesPlan.from_dict,
}


def undoes_restore(operation: Operation) -> bool:
    """Return whether an undo goes back to an earlier head, and not to what was pruned."""
    return operation.undo_of is not None and operation.undo_of.kind in (
        OperationKind.RESTORE,
        OperationKind.UNDO,
    )


def read_plan(operation: Operation) -> Plan:
    """Return the plan that was confirmed. Raises OperationRefused when its row was altered.

    A row that was read from the database once is understood once.
    """
    read: tuple[Any, Plan] | None = vars(operation).get(_READ)
    if read is not None and read[0] is operation.plan:
        return read[1]
    plan = _understood(operation)
    vars(operation)[_READ] = operation.plan, plan
    return plan


def _understood(operation: Operation) -> Plan:
    try:
        with collector_at_rest():
            plan = _reader(operation)(operation.plan)
            intact = plan.digest() == operation.plan_hash
    except (KeyError, TypeError, ValueError, IndexError):
        intact = False
    if not intact:
        raise OperationRefused("The stored plan is not the one that was confirmed; it was not run.")
    return plan


def _reader(operation: Operation) -> Callable[[Mapping[str, Any]], Plan]:
    if operation.kind != OperationKind.UNDO:
        return _READERS[operation.kind]
    return _READERS[OperationKind.RESTORE if undoes_restore(operation) else OperationKind.SWEEP]


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
