"""What operations take: planning a large prune, forking a long thread, working a queue off."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import checkpoints
from benchmarks.index import set_up
from benchmarks.measure import Row, seconds
from checkpoints.identifiers import new_id
from checkpoints.retention import RetentionPolicy

CHECKPOINTS = 100_000
THREADS = 100
STEPS = 400
QUEUED = 100
RUNS = 5
POLICY = RetentionPolicy(newest=10, hourly=24, daily=7, weekly=4)


def rows() -> Iterator[Row]:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        yield _prune_plan(f"sqlite:///{folder}/large.db")
        yield _fork("native SQLite", _native(f"sqlite:///{folder}/long.db"))
        graph = _graph(Path(folder) / "long.sqlite")
        if graph is not None:
            yield _fork("a LangGraph file", graph)
        yield _drain(f"sqlite:///{folder}/queue.db")


def _prune_plan(url: str) -> Row:
    from dashboard.services import operations

    now = datetime.now(UTC)
    _save(url, THREADS, CHECKPOINTS // THREADS, now)
    source = _source(url, now)
    wanted = [operations.PruneOf(thread=thread, policy=POLICY) for thread in _threads(source)]
    used = time.process_time()
    took = [seconds(lambda: operations.plan_prunes(source, wanted, now=now)) for _ in range(RUNS)]
    used = (time.process_time() - used) / RUNS
    plan = operations.plan_prunes(source, wanted, now=now)
    going = f"{plan.doomed:,} of {plan.doomed + plan.kept:,} go, {THREADS} threads"
    note = f"{going}, median of {RUNS}; {used:.2f} s of a processor"
    return Row(name="prune plan", value=median(took), unit="s", goal=2, note=note)


def _save(url: str, threads: int, saves: int, now: datetime) -> None:
    store = checkpoints.open_native_store(url)
    for number in range(threads):
        chain = list(_chain(f"thread-{number}", saves, now - timedelta(days=20)))
        store.put_many(chain, expected_head=None)
    store.close()


def _chain(
    thread_id: str, saves: int, first: datetime
) -> Iterator[tuple[checkpoints.Draft, dict[str, Any]]]:
    draft = checkpoints.Draft(
        id=new_id(), agent_id="bench", thread_id=thread_id, step=0, created_at=first
    )
    for step in range(saves):
        yield draft, {"step": step, "text": "as it was"}
        draft = replace(
            draft,
            id=new_id(),
            step=step + 1,
            parent_id=draft.id,
            created_at=draft.created_at + timedelta(minutes=20),
        )


def _source(url: str, now: datetime) -> Any:
    """Register a store and index all of it."""
    from dashboard.models import Source
    from dashboard.services import scans

    source = Source.objects.create(name=url, url=url, kind="store", created_at=now)
    while scans.scan_source(source_id=source.pk, now=now).outcome is scans.ScanOutcome.MORE_WAITS:
        pass
    return source


def _threads(source: Any) -> list[Any]:
    from dashboard.models import Thread

    return list(Thread.objects.filter(agent__source=source).select_related("agent"))


def _native(url: str) -> Any:
    _save(url, 1, STEPS, datetime.now(UTC))
    return checkpoints.open_store(url)


def _graph(path: Path) -> Any:
    """Let a LangGraph graph count to its end; None where LangGraph is not installed."""
    try:
        from tests.checkpoints.connectors import graphs
    except ImportError:
        return None
    told = {**graphs.config("thread-0"), "recursion_limit": STEPS * 2}
    with graphs.saver(path) as saver:
        graphs.counter(saver, until=STEPS - 2).invoke({"n": 0, "log": []}, told)
    return checkpoints.open_store(f"langgraph+sqlite:///{path}")


def _fork(kind: str, store: Any) -> Row:
    records = [record for record in store.history(None, "thread-0") if not record.namespace]
    took = [seconds(lambda: _fork_once(store, records[0], number)) for number in range(RUNS)]  # noqa: B023
    store.close()
    note = f"plan and fork at the last of {len(records)} steps, median of {RUNS}"
    return Row(name=f"fork in {kind}", value=median(took), unit="s", goal=1, note=note)


def _fork_once(store: Any, record: checkpoints.Checkpoint, number: int) -> None:
    plan = store.plan_fork(record, thread_id=f"fork-{number}")
    store.fork(
        plan,
        written_ids=store.choose_fork_ids(plan),
        operation_id=uuid4().hex,
        reason="benchmark",
        now=datetime.now(UTC),
    )


def _drain(url: str) -> Row:
    """Ask for restores of as many threads, and let one worker carry them out."""
    from dashboard.models import Operation, User
    from dashboard.services import operations

    _save(url, QUEUED, 3, datetime.now(UTC))
    source = _source(url, datetime.now(UTC))
    user = User.objects.create_superuser("bench", password=None)
    asked = [_restore(user, thread) for thread in _threads(source)]

    def work() -> None:
        for pk in asked:
            operations.run_operation(operation_id=pk, worker="bench", now=lambda: datetime.now(UTC))

    took = seconds(work)
    done = Operation.objects.filter(pk__in=asked, state="succeeded").count()
    if done != QUEUED:
        raise RuntimeError(f"only {done} of {QUEUED} restores succeeded")
    note = f"one worker, {took / QUEUED * 1000:.0f} ms each with all its flushes"
    return Row(name=f"{QUEUED} queued restores", value=took, unit="s", note=note)


def _restore(user: Any, thread: Any) -> Any:
    from dashboard.services import operations

    now = datetime.now(UTC)
    oldest = thread.checkpoints.order_by("step")[0]
    draft = operations.draft_restore(
        user=user, checkpoint_pk=oldest.pk, idempotency_key=uuid4().hex, now=now
    )
    operations.confirm(
        user=user, operation_id=draft.pk, plan_hash=draft.plan_hash, reason="benchmark", now=now
    )
    return draft.pk
