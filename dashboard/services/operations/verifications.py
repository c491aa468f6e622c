"""Reading a source through: each thing that is wrong becomes a finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import checkpoints
from checkpoints.stores.base import DeepVerifiable
from dashboard.models import Operation, OperationState, OperationStep, SourceFinding
from dashboard.services.ingest import cleaning
from dashboard.services.operations import parts
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.plans import VerifyPlan
from dashboard.services.operations.work import Ending

FINDINGS_KEPT = 10_000
"""Findings of one run that are kept; of the others it says that there are more."""
VERIFIED = "verify:"
"""Begins the kind of a finding that a verification made, and that the next one takes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyWork:
    """Reads everything in a store and writes nothing into it."""

    operation: Operation
    store: checkpoints.ReadableStore
    plan: VerifyPlan

    def check(self) -> VerifyWork:
        """Return itself: reading needs no leave."""
        return self

    def safety(self) -> dict[str, Any]:
        """Return nothing: nothing is changed."""
        return {}

    def steps(self) -> Sequence[PlannedStep]:
        """Read through in one step."""
        return [PlannedStep(action="read everything")]

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Read everything and keep what is wrong in place of what the last run found."""
        found = list(islice(self._findings(), FINDINGS_KEPT + 1))
        rows = [self._row(finding, now) for finding in found[:FINDINGS_KEPT]]
        old = SourceFinding.objects.filter(source=self.operation.source)
        old.filter(kind__startswith=VERIFIED).delete()
        SourceFinding.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        return {
            "found": len(rows),
            "more": len(found) > FINDINGS_KEPT,
            "shown": [finding.to_dict() for finding in found[:10]],
        }

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Write nothing: a scan tells the index."""

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Say what the reading came to."""
        result = dict(steps[0].result)
        found = result.get("found", 0)
        more = " or more" if result.get("more") else ""
        message = (
            f"Everything was read; {parts.counted(found, 'thing')}{more} are wrong and listed "
            "with the source."
            if found
            else "Everything was read and nothing is wrong."
        )
        return Ending(state=OperationState.SUCCEEDED, message=message, result=result)

    def _findings(self) -> Iterator[checkpoints.Finding]:
        if self.plan.deep and isinstance(self.store, DeepVerifiable):
            return self.store.verify_deep()
        return self.store.verify()

    def _row(self, finding: checkpoints.Finding, now: datetime) -> SourceFinding:
        return SourceFinding(
            source=self.operation.source,
            kind=f"{VERIFIED}{finding.kind}"[:60],
            message=cleaning.text(finding.message),
            checkpoint_id=cleaning.text(finding.checkpoint_id),
            thread_id=cleaning.text(finding.thread_id),
            found_at=now,
        )
