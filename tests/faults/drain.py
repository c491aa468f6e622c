"""Many operations, and workers that are started in no time.

``python -m tests.faults.drain queue FOLDER`` lays stores into a folder and asks for 100 operations.
``python -m tests.faults.drain breed`` starts a real worker for each line that it reads, in a
process group of its own, and prints its process id. Its leases are short and its acts slow.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

import checkpoints  # noqa: E402
from checkpoints.stores.sqlite.store import SqliteStore  # noqa: E402
from dashboard import rounds  # noqa: E402
from dashboard.celery import app  # noqa: E402
from dashboard.models import Checkpoint, Operation, Source, Thread, User  # noqa: E402
from dashboard.services import operations, scans  # noqa: E402
from dashboard.services.operations import PruneOf, Scope, claims, reconciling  # noqa: E402
from dashboard.supervisor.programs import worker_command  # noqa: E402
from tests.faults.amounts import KINDS, SAVES, STORES  # noqa: E402

LEASE_SECONDS = 2
ACT_SECONDS = 0.25
ACTS = ("restore", "fork", "remove", "erase_thread", "verify_deep")


def queue(folder: Path) -> None:
    """Lay the stores and ask for the operations."""
    call_command("migrate", interactive=False, verbosity=0)
    user = User.objects.create_superuser("operator", password=None)
    user.authenticated_at = timezone.now()
    for number in range(STORES):
        source = _source(f"sqlite:///{folder}/agents-{number}.db")
        threads = iter(Thread.objects.filter(agent__source=source).select_related("agent"))
        for kind, count in KINDS.items():
            for _ in range(count):
                _confirm(user, ASKED[kind](user, source, next(threads)))


def _source(url: str) -> Source:
    """Save a thread for each operation, and index them."""
    store = checkpoints.open_native_store(url)
    for number in range(sum(KINDS.values())):
        store.put_many(list(_chain(f"thread-{number}")), expected_head=None)
    store.close()
    now = timezone.now()
    source = Source.objects.create(name=url, url=url, kind="store", created_at=now)
    scans.scan_source(source_id=source.pk, now=now)
    return source


def _chain(thread_id: str) -> Iterator[tuple[checkpoints.Draft, dict[str, int]]]:
    parent = None
    for step in range(SAVES):
        draft = checkpoints.Draft(
            id=uuid4().hex,
            agent_id="agent",
            thread_id=thread_id,
            step=step,
            created_at=timezone.now(),
            parent_id=parent,
        )
        parent = draft.id
        yield draft, {"step": step}


def _confirm(user: User, draft: Operation) -> None:
    operations.confirm(
        user=user,
        operation_id=draft.pk,
        plan_hash=draft.plan_hash,
        reason="a day of many clicks",
        now=timezone.now(),
        typed=draft.about,
    )


def _asked(user: User) -> dict[str, Any]:
    return {"user": user, "idempotency_key": uuid4().hex, "now": timezone.now()}


def _oldest(thread: Thread) -> Checkpoint:
    return thread.checkpoints.order_by("step")[0]


def _restore(user: User, source: Source, thread: Thread) -> Operation:
    return operations.draft_restore(checkpoint_pk=_oldest(thread).pk, **_asked(user))


def _fork(user: User, source: Source, thread: Thread) -> Operation:
    name = f"{thread.thread_id} again"
    return operations.draft_fork(checkpoint_pk=_oldest(thread).pk, thread_id=name, **_asked(user))


def _prune(user: User, source: Source, thread: Thread) -> Operation:
    selected = {_oldest(thread).checkpoint_id: "chosen"}
    scope = Scope(source=source, agent=thread.agent, thread=thread)
    wanted = [PruneOf(thread=thread, selected=selected)]
    return operations.draft_prune(scope=scope, wanted=wanted, **_asked(user))


def _erase(user: User, source: Source, thread: Thread) -> Operation:
    return operations.draft_erase(source=source, thread_id=thread.thread_id, **_asked(user))


def _verify(user: User, source: Source, thread: Thread) -> Operation:
    return operations.draft_verify(source=source, deep=True, **_asked(user))


ASKED: dict[str, Callable[[User, Source, Thread], Operation]] = {
    "restore": _restore,
    "fork": _fork,
    "prune": _prune,
    "erase": _erase,
    "verify": _verify,
}


def breed() -> None:
    """Start workers until nobody asks for one any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    claims.LEASE = timedelta(seconds=LEASE_SECONDS)
    reconciling.HINT_LOST_AFTER = timedelta(seconds=1)
    rounds.RECONCILE_EVERY_SECONDS = 0.5
    for name in ACTS:
        setattr(SqliteStore, name, _slow(getattr(SqliteStore, name)))
    connections.close_all()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            _work()
        print(child, flush=True)


def _work() -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    command = worker_command(concurrency=2)
    app.worker_main(list(command[command.index("worker") :]))
    os._exit(0)


def _slow(real: Callable[..., Any]) -> Callable[..., Any]:
    def slowly(*args: Any, **options: Any) -> Any:
        time.sleep(ACT_SECONDS / 2)
        done = real(*args, **options)
        time.sleep(ACT_SECONDS / 2)
        return done

    return slowly


if __name__ == "__main__":
    queue(Path(sys.argv[2])) if sys.argv[1] == "queue" else breed()
