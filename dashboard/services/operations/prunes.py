"""A prune on its opened store: thread by thread into the trash, never past it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

import checkpoints
from checkpoints.lineage import confirmed, plan_prune, plan_removal
from dashboard.formats import size
from dashboard.models import Operation, OperationStep, TrashedBatch
from dashboard.services.ingest.removals import mark_removed
from dashboard.services.operations import parts
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.plans import PrunePart, PrunePlan
from dashboard.services.operations.work import Ending

REMOVED = "removed"


def grace() -> timedelta:
    """Return how long what was pruned stays in the trash at least."""
    return timedelta(hours=settings.HOLDFAST_TRASH_GRACE_HOURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneWork:
    """Moves what a plan dooms into the trash: what was confirmed and still may go, no more."""

    operation: Operation
    store: checkpoints.PrunableStore
    plan: PrunePlan
    trash: checkpoints.Trash

    def check(self) -> PruneWork:
        """Return itself: each thread is planned again in the step that prunes it.

        What an agent saves meanwhile changes no other checkpoint's fate, so a whole plan is never
        stale; what may no longer go stays, and is named.
        """
        return self

    def safety(self) -> dict[str, Any]:
        """Return nothing: the trash holds everything that is taken away."""
        return {}

    def steps(self) -> Sequence[PlannedStep]:
        """Take one step for each thread out of which something goes."""
        going = [part.prune for part in self.plan.parts if part.prune.remove]
        rows = parts.thread_rows(self.operation, ((t.agent_id, t.thread_id) for t in going))
        return [
            PlannedStep(
                action=f"prune {parts.thread_label(t.agent_id, t.thread_id)}",
                thread=rows.get((t.agent_id, t.thread_id)),
                written_ids=(t.agent_id, t.thread_id),
            )
            for t in going
        ]

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Prune one thread; the trash tells what an earlier attempt has already moved."""
        part = self._part(step)
        prune = part.prune
        operation_id = str(self.operation.pk)
        already = self.store.trashed(
            prune.agent_id, prune.thread_id, operation_id=operation_id, trash=self.trash
        )
        left = tuple(d for d in prune.remove if d.checkpoint_id not in already)
        agreed, stayed = confirmed(
            dataclasses.replace(prune, remove=left), self._again(part, already)
        )
        moved = tuple(d for d in prune.remove if d.checkpoint_id in already)
        agreed = dataclasses.replace(agreed, remove=(*moved, *agreed.remove))
        pruned = self.store.remove(agreed, operation_id=operation_id, now=now, trash=self.trash)
        return {
            REMOVED: list(pruned.removed),
            "stayed": {**stayed, **pruned.stayed},
            "freed_bytes": pruned.freed_bytes,
            "notes": list(pruned.notes),
        }

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Keep the books of the trash and of the index; the first time that it was done counts."""
        if step.thread_id is not None and result.get(REMOVED):
            self._book(step.thread_id, self._part(step), result[REMOVED], now)

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Read back that what went is in the trash."""
        for step in steps:
            if step.result.get(REMOVED):
                self._read_back(step)
        total = parts.sum_of(steps, counted_as=REMOVED)
        went = parts.counted(total.acted_on, "checkpoint")
        message = f"{went} went to the trash and can be brought back until they are swept."
        if total.freed_bytes:
            message += f" The source holds {size(total.freed_bytes)} less."
        return Ending(
            state=total.state,
            message=(message if total.acted_on else "Nothing went.") + total.besides(),
            result=total.to_result(),
        )

    def _again(self, part: PrunePart, already: Mapping[str, str | None]) -> checkpoints.ThreadPrune:
        """Decide anew over the thread as it is; what is in the trash is no longer in it."""
        prune = part.prune
        if part.policy is not None:
            return plan_prune(
                self.store,
                prune.agent_id,
                prune.thread_id,
                checkpoints.RetentionPolicy.from_dict(part.policy),
                now=self.plan.planned_at,
            )
        selected = {d.checkpoint_id: d.reason for d in prune.remove}
        left = {name: why for name, why in selected.items() if name not in already}
        return plan_removal(
            self.store, prune.agent_id, prune.thread_id, left, now=self.plan.planned_at
        )

    def _read_back(self, step: OperationStep) -> None:
        """Say of what is not in the trash, where it was put, that it stayed."""
        prune = self._part(step).prune
        there = self.store.trashed(
            prune.agent_id,
            prune.thread_id,
            operation_id=str(self.operation.pk),
            trash=self.trash,
        )
        missing = [name for name in step.result[REMOVED] if name not in there]
        step.result = step.result | {
            REMOVED: [name for name in step.result[REMOVED] if name in there],
            "stayed": step.result["stayed"]
            | dict.fromkeys(missing, "it is not in the trash, where it was put"),
        }

    def _book(self, thread_pk: int, part: PrunePart, removed: Sequence[str], now: datetime) -> None:
        doomed = {d.checkpoint_id: d for d in part.prune.remove}
        TrashedBatch.objects.get_or_create(
            operation=self.operation,
            thread_id=thread_pk,
            defaults={
                "checkpoint_ids": list(removed),
                "stored_bytes": sum(doomed[name].stored_size or 0 for name in removed),
                "trashed_at": now,
                "due_at": now + grace(),
            },
        )
        reasons = {name: doomed[name].reason for name in removed}
        mark_removed(thread_pk=thread_pk, reasons=reasons, now=now)

    def _part(self, step: OperationStep) -> PrunePart:
        name = tuple(step.written_ids)
        parts_of_it = (p for p in self.plan.parts if (p.prune.agent_id, p.prune.thread_id) == name)
        return next(parts_of_it)
