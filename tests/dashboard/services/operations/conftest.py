"""A native store with a thread, registered and scanned, and somebody who may operate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

import checkpoints
from dashboard.models import Checkpoint, Operation, Source, Thread, User
from dashboard.services import operations, scans

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Time that a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Bench:
    """One source with one thread, and what tests do with it."""

    url: str
    source: Source
    user: User
    clock: Clock

    def rows(self) -> list[Checkpoint]:
        return list(Checkpoint.objects.filter(thread__agent__source=self.source).order_by("step"))

    def thread(self) -> Thread:
        return Thread.objects.get(agent__source=self.source)

    def head(self) -> checkpoints.Head:
        store = checkpoints.open_store(self.url)
        head = store.head(None, self.thread().thread_id)
        store.close()
        assert head is not None
        return head

    def save(self, state: dict[str, object]) -> None:
        """Let the agent go on from the head."""
        with checkpoints.CheckpointManager("agent", store=self.url) as manager:
            manager.resume()
            manager.create_checkpoint(state=state)

    def preview(self, row: Checkpoint) -> operations.RestorePreview:
        return operations.preview_restore(user=self.user, checkpoint_pk=row.pk, now=self.clock())

    def request(self, row: Checkpoint, *, key: str | None = None) -> Operation:
        return operations.request_restore(
            user=self.user,
            checkpoint_pk=row.pk,
            plan_token=self.preview(row).plan_token,
            reason="it went astray",
            idempotency_key=key or uuid4().hex,
            now=self.clock(),
        )

    def undo(self, operation: Operation) -> Operation:
        return operations.request_undo(
            user=self.user,
            operation_id=operation.pk,
            reason="it was right after all",
            idempotency_key=uuid4().hex,
            now=self.clock(),
        )

    def run(self, operation: Operation) -> Operation:
        operations.run_operation(operation_id=operation.pk, worker="worker-1", now=self.clock)
        operation.refresh_from_db()
        return operation


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bench(db: None, tmp_path: Path, clock: Clock) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    with checkpoints.CheckpointManager("agent", store=url) as manager:
        for step in range(5):
            manager.create_checkpoint(state={"step": step})
    source = Source.objects.create(name="agents", url=url, kind="sqlite", created_at=NOW)
    scans.scan_source(source_id=source.pk, now=clock())
    return Bench(url=url, source=source, user=User.objects.create(username="op"), clock=clock)
