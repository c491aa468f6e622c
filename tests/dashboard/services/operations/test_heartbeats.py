"""A step may take longer than a lease: nobody else takes the operation over meanwhile."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from dashboard.models import Operation, OperationState
from dashboard.services import operations
from dashboard.services.operations import claims, heartbeats
from dashboard.services.operations.verifications import VerifyWork
from tests.benches import Bench

PATIENCE = 60


def ask_for_verification(bench: Bench) -> Operation:
    draft = operations.draft_verify(
        user=bench.user, source=bench.source, idempotency_key=uuid4().hex, now=bench.clock()
    )
    return operations.confirm(
        user=bench.user,
        operation_id=draft.pk,
        plan_hash=draft.plan_hash,
        reason="is it whole?",
        now=bench.clock(),
    )


@pytest.mark.django_db(transaction=True)
def test_a_long_step_keeps_its_lease(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = ask_for_verification(bench)
    renewed = threading.Event()
    renew, apply, taken = claims.renew, VerifyWork.apply, []

    def beat(claim: claims.Claim, **more: Any) -> None:
        renew(claim, **more)
        if threading.current_thread() is not threading.main_thread():
            renewed.set()

    def slow(work: VerifyWork, *args: Any) -> Any:
        bench.clock.pass_by(claims.LEASE.total_seconds() - 1)
        for _ in range(2):  # the first may have begun before the clock moved
            renewed.clear()
            assert renewed.wait(PATIENCE)
        bench.clock.pass_by(2)
        now = bench.clock()
        taken.append(claims.claim(operation_id=operation.pk, worker="another", now=now))
        return apply(work, *args)

    monkeypatch.setattr(heartbeats, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(claims, "renew", beat)
    monkeypatch.setattr(VerifyWork, "apply", slow)
    bench.run(operation)

    assert taken == [None]
    assert (operation.state, operation.attempts) == (OperationState.SUCCEEDED, 1)
