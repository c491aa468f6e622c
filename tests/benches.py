"""A registered store, time that a test moves, and somebody who operates on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import checkpoints
from dashboard.models import Checkpoint, Operation, Source, Thread, User
from dashboard.services import operations, scans
from tests.dashboard.people import join

BEHIND = timedelta(minutes=10)


def a_while_ago() -> datetime:
    """Return a time that tests can move on from without coming to the stores' own future."""
    return datetime.now(UTC) - BEHIND


@dataclass
class Clock:
    """Time that a test moves."""

    now: datetime = field(default_factory=a_while_ago)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Bench:
    """One thread of one source, and what tests do with it."""

    url: str
    thread_id: str
    source: Source
    user: User
    clock: Clock

    def rows(self) -> list[Checkpoint]:
        """Return the thread's rows, oldest first."""
        rows = Checkpoint.objects.filter(thread=self.thread(), namespace="")
        return list(rows.order_by("created_at", "pk"))

    def thread(self) -> Thread:
        return Thread.objects.get(agent__source=self.source, thread_id=self.thread_id)

    def head(self) -> checkpoints.Head:
        store = checkpoints.open_store(self.url)
        head = store.head(None, self.thread_id)
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

    def request(
        self,
        row: Checkpoint,
        *,
        key: str | None = None,
        plan_token: str = "",
        follow_live: bool = False,
    ) -> Operation:
        return operations.request_restore(
            user=self.user,
            checkpoint_pk=row.pk,
            plan_token=plan_token or self.preview(row).plan_token,
            reason="it went astray",
            idempotency_key=key or uuid4().hex,
            now=self.clock(),
            follow_live=follow_live,
        )

    def undo(self, operation: Operation) -> Operation:
        """Ask for an undo a second later: in some stores the newest date is the head."""
        self.clock.pass_by(1)
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


def register(url: str, *, thread_id: str, clock: Clock) -> Bench:
    """Register a store and take everything in it into the index."""
    source = Source.objects.create(name="agents", url=url, kind="store", created_at=clock())
    scans.scan_source(source_id=source.pk, now=clock())
    user = join(User.objects.get_or_create(username="operator")[0])
    user.authenticated_at = clock() + timedelta(days=365)  # recent, however a test moves the clock
    return Bench(url=url, thread_id=thread_id, source=source, user=user, clock=clock)


def save_steps(url: str, *, steps: int = 5) -> None:
    """Let an agent save a few times into a native store."""
    with checkpoints.CheckpointManager("agent", store=url) as manager:
        for step in range(steps):
            manager.create_checkpoint(state={"step": step})
