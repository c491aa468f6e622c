"""Reading a source through: each thing that is wrong becomes a finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import checkpoints
from checkpoints.stores.base import DeepVerifiable
from checkpoints.stores.thorough import verified
from dashboard.models import Operation, OperationState, OperationStep
from dashboard.services.ingest import findings
from dashboard.services.operations import parts
from dashboard.services.operations.alterations import altered_since
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.plans import VerifyPlan
from dashboard.services.operations.work import Ending

FINDINGS_KEPT = 10_000
"""Findings of one run that are kept; of the others it says that there are more."""
PLACES_KEPT = 20
"""Findings of each kind that the result itself names."""


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
        """Read everything, keep what is wrong, and mark as gone what is wrong no more."""
        source, deep = self.operation.source, self._is_deeper
        found = list(islice(self._findings(), FINDINGS_KEPT + 1))
        more = len(found) > FINDINGS_KEPT
        count = findings.keep(source, found[:FINDINGS_KEPT], now=now, deep=deep)
        gone = 0 if more else findings.conclude(source, now=now, deep=self.plan.deep)
        groups = checkpoints.grouped(found[:FINDINGS_KEPT], places=PLACES_KEPT)
        return {"found": count, "more": more, "gone": gone, "kinds": [_kept(g) for g in groups]}

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Write nothing: a scan tells the index."""

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Say what the reading came to."""
        result = dict(steps[0].result)
        found = result.get("found", 0)
        more = " or more" if result.get("more") else ""
        message = (
            f"Everything was read; {parts.counted(found, 'thing')}{more} {_is_or_are(found)} wrong "
            "and listed with the source."
            if found
            else "Everything was read and nothing is wrong."
        )
        if gone := result.get("gone"):
            message += f" {parts.counted(gone, 'finding')} of before {_is_or_are(gone)} gone."
        return Ending(state=OperationState.SUCCEEDED, message=message, result=result)

    @property
    def _is_deeper(self) -> bool:
        return self.plan.deep and isinstance(self.store, DeepVerifiable)

    def _findings(self) -> Iterator[checkpoints.Finding]:
        yield from verified(self.store, deep=self.plan.deep)
        yield from altered_since(self.operation.source, self.store)


def _kept(group: checkpoints.FindingGroup) -> dict[str, Any]:
    return {
        "kind": group.kind.name,
        "count": group.count,
        "places": [finding.to_dict() for finding in group.first],
    }


def _is_or_are(count: int) -> str:
    return "is" if count == 1 else "are"
