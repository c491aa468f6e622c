"""What there is in a scenario: a store, its index, time, people, and the books of what must be."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import checkpoints
from checkpoints.stores.memory import MemoryStore
from checkpoints.trash import StoreTrash
from dashboard import queue, stores
from dashboard.credentials import NONE, Credentials
from dashboard.models import Checkpoint, Operation, Source, User
from dashboard.models.operations import OPEN_STATES
from dashboard.services import operations, scans
from dashboard.services.operations import reconciling
from tests.benches import Clock
from tests.faults.sweep.boundaries import STAGE
from tests.faults.sweep.stores import Kind, Name, Thread, digest, draft, state

LONG_AGO = timedelta(days=60)
LEASE_SECONDS = 61
ROUNDS = 30
"""Rounds of workers and reconciler after which an operation that is still open is stuck."""


class Killed(BaseException):
    """The worker is gone."""


class Unforeseen(Exception):
    """Something that nobody has thought of."""


STRUCK = (Killed, Unforeseen, checkpoints.TransientStoreError)
"""What leaves a worker only because a fault struck it; its task has then failed."""


@dataclass(frozen=True, slots=True)
class Look:
    """All that can be seen of a store at one moment."""

    listed: dict[Name, str | None]
    heads: dict[Thread, str | None]
    versions: dict[Thread, int]
    trash: dict[Name, str | None]

    def of(self, thread: Thread) -> dict[Name, str | None]:
        return {name: sha for name, sha in self.listed.items() if name[:2] == thread}


@dataclass
class Books:
    """What was acknowledged, by digest, and what the writers and others did on purpose."""

    states: dict[Name, str] = field(default_factory=dict)
    baseline: Look = field(default_factory=lambda: Look({}, {}, {}, {}))
    saves: dict[Thread, list[str]] = field(default_factory=dict)
    replaced: set[Name] = field(default_factory=set)
    waits: float = 0
    clicks: int = 0
    moves_by_others: int = 0
    wrongs: list[str] = field(default_factory=list)


@dataclass
class World:
    """One source of one kind and everybody who has to do with it."""

    kind: Kind
    clock: Clock
    source: Source
    user: User
    second: User
    hints: list[UUID] = field(default_factory=list)
    books: Books = field(default_factory=Books)
    gone: bool = False
    workers: int = 0

    @contextlib.contextmanager
    def inhabited(self) -> Iterator[None]:
        """Let hints be collected, trash lie in memory, and the store be opened as it can be."""
        queue_real, open_real = queue.enqueue_operation, stores.open_source
        trash_real = stores.open_trash
        queue.enqueue_operation = self.hints.append  # type: ignore[assignment]
        stores.open_trash = self._open_trash
        try:
            with self.kind.opened_by_dashboard(), self._opened_unless_gone():
                yield
        finally:
            queue.enqueue_operation, stores.open_source = queue_real, open_real
            stores.open_trash = trash_real

    @contextlib.contextmanager
    def _opened_unless_gone(self) -> Iterator[None]:
        real = stores.open_url

        def opened(url: str, credentials: Credentials = NONE) -> checkpoints.ReadableStore:
            if self.gone:
                raise checkpoints.PermanentStoreError(f"{url}: there is no store here")
            return real(url, credentials)

        stores.open_url = opened
        try:
            yield
        finally:
            stores.open_url = real

    @contextlib.contextmanager
    def _open_trash(self, source: Source) -> Iterator[checkpoints.Trash]:
        opener = getattr(self.kind, "open_trash", None)
        yield StoreTrash(opener() if opener else MemoryStore())

    def look(self) -> Look:
        """Look at the whole store, unnoticed."""
        with STAGE.putting_on(None):
            store = self.kind.open()
            try:
                return self._look(store)
            finally:
                store.close()

    def _look(self, store: Any) -> Look:
        listed: dict[Name, str | None] = {}
        heads: dict[Thread, str | None] = {}
        versions: dict[Thread, int] = {}
        for thread in list(store.threads()):
            key = (thread.agent_id, thread.thread_id)
            head = store.head(*key)
            heads[key] = head.checkpoint_id if head else None
            versions[key] = head.version if head else 0
            for record in store.history(*key):
                listed[(*key, record.namespace, record.id)] = record.sha256
        return Look(listed, heads, versions, dict(self._trash(store)))

    def _trash(self, store: Any) -> Iterator[tuple[Name, str | None]]:
        if not store.capabilities.prune:
            return
        ids = [str(pk) for pk in self.prunes()]
        with self._open_trash(self.source) as trash:
            for agent_id, thread_id in self.kind.threads.values():
                for operation_id in ids:
                    found = store.trashed(
                        agent_id, thread_id, operation_id=operation_id, trash=trash
                    )
                    for name, sha256 in found.items():
                        yield (agent_id, thread_id, "", name), sha256

    def prunes(self) -> list[UUID]:
        """Return the operations that may have put something into the trash."""
        return list(Operation.objects.filter(kind="prune").values_list("pk", flat=True))

    def learn_states(self) -> None:
        """Remember what every listed checkpoint holds: it has been acknowledged."""
        with STAGE.putting_on(None):
            store = self.kind.open()
            for name in self._look(store).listed:
                if name not in self.books.states:
                    self.books.states[name] = self._digest(store, name)
            store.close()

    def _digest(self, store: Any, name: Name) -> str:
        _, thread_id, namespace, checkpoint_id = name
        record = store.get(checkpoint_id, thread_id=thread_id, namespace=namespace)
        return digest(store.load(record))

    def lost_states(self, names: Iterable[Name]) -> list[Name]:
        """Return which of these checkpoints do not hold what was acknowledged."""
        with STAGE.putting_on(None):
            store = self.kind.open()
            try:
                return [name for name in names if not self._holds(store, name)]
            finally:
                store.close()

    def _holds(self, store: Any, name: Name) -> bool:
        try:
            found = self._digest(store, name)
        except checkpoints.CheckpointError:
            return False
        return self.books.states.setdefault(name, found) == found

    def writer_saves(self, thread: Thread, *, stale: bool = False) -> None:
        """Let the thread's agent go on: from the head, or from what it knew at the beginning."""
        with STAGE.putting_on(None):
            heads = self.books.baseline.heads if stale else self.look().heads
            try:
                record = self.kind.save(thread, self.clock(), heads.get(thread))
            except (checkpoints.HeadMoved, checkpoints.PlanRefused):
                return
            self.books.saves.setdefault(thread, []).append(record.id)
            store = self.kind.open()
            name = (*thread, record.namespace, record.id)
            self.books.states[name] = self._digest(store, name)
            store.close()

    def replace_oldest(self) -> None:
        """Erase the oldest checkpoint of the thread and save another one under its id."""
        key = self.kind.threads["main"]
        store: Any = self.kind.open()
        oldest, head = store.history(*key)[-1], store.head(*key)
        store.erase(*key, [oldest.id], now=self.clock())
        made = dataclasses.replace(
            draft(key, 1, oldest.created_at, head.checkpoint_id), id=oldest.id
        )
        record = store.put(made, state(3), expected_head=head.checkpoint_id)
        store.set_head(store.get(head.checkpoint_id), expected=record.id, now=self.clock())
        name = (*key, "", oldest.id)
        self.books.replaced.add(name)
        self.books.moves_by_others += 2
        self.books.states[name] = self._digest(store, name)
        store.close()

    def row(self, which: str, position: int) -> Checkpoint:
        """Return a thread's row by its position, oldest first."""
        agent_id, thread_id = self.kind.threads[which]
        rows = Checkpoint.objects.filter(
            thread__agent__agent_id=agent_id, thread__thread_id=thread_id, namespace=""
        )
        return list(rows.order_by("step", "created_at", "pk"))[position]

    def confirm(self, draft: Operation) -> Operation:
        """Confirm a draft as the one who made it."""
        return operations.confirm(
            user=self.operator(),
            operation_id=draft.pk,
            plan_hash=draft.plan_hash,
            reason="it went astray",
            now=self.clock(),
            typed=draft.about,
        )

    def operator(self) -> User:
        """Return who operates, having logged in a moment ago."""
        self.user.authenticated_at = self.clock()
        return self.user

    def undo(self, operation: Operation) -> Operation:
        """Ask for an undo. Raises OperationRefused."""
        self.clock.pass_by(1)
        return operations.request_undo(
            user=self.operator(),
            operation_id=operation.pk,
            reason="it was right after all",
            idempotency_key=uuid4().hex,
            now=self.clock(),
        )

    def run(self, operation_id: UUID) -> None:
        """Let a worker of its own take a hint up; it may be killed."""
        self.workers += 1
        self.clock.pass_by(0.01)
        try:
            operations.run_operation(
                operation_id=operation_id, worker=f"worker-{self.workers}", now=self.clock
            )
        except STRUCK:
            return
        except Exception as error:  # noqa: BLE001 - that any comes out is what is looked for
            self.books.wrongs.append(f"a worker let {type(error).__name__} out: {error}")

    def settle(self) -> bool:
        """Let workers and reconcilers run until nothing is open; False when that never comes."""
        for _ in range(ROUNDS):
            if not self.is_open():
                return True
            self.resend_hints()
            if self.is_open():
                self.clock.pass_by(LEASE_SECONDS)
        return False

    def is_open(self) -> bool:
        """Return whether a worker has yet to bring an operation to its end."""
        return Operation.objects.filter(state__in=OPEN_STATES).exists()

    def resend_hints(self) -> None:
        """Let the reconciler look for what was forgotten, and workers take it up."""
        with contextlib.suppress(*STRUCK):
            for operation in reconciling._forgotten(self.clock()):
                reconciling._hint(operation, self.clock())
        self._take_hints()

    def reconcile(self) -> None:
        """Let the reconciler make a whole round, and workers take up the hints that there are."""
        with contextlib.suppress(*STRUCK):
            operations.reconcile(now=self.clock())
        self._take_hints()

    def _take_hints(self) -> None:
        hints = list(dict.fromkeys(self.hints))
        self.hints.clear()
        for operation_id in hints:
            self.run(operation_id)
        self.gone = False

    def wait(self) -> None:
        """Let hours go by in which only the reconciler makes its rounds."""
        for _ in range(int(self.books.waits // 3600)):
            self.clock.pass_by(3601)
            self.reconcile()
            self.settle()

    def scan(self) -> None:
        """Let the index learn what is new."""
        with STAGE.putting_on(None):
            Source.objects.filter(pk=self.source.pk).update(
                scan_lease_until=None, next_scan_at=None
            )
            scans.scan_source(source_id=self.source.pk, now=self.clock())


def begin(kind: Kind, folder: Any) -> World:
    """Make a kind's past and index it."""
    clock = Clock(datetime.now(UTC) - LONG_AGO)
    url = kind.lay(folder, clock())
    user = User.objects.create_superuser("operator", password=None)
    second = User.objects.create_superuser("second", password=None)
    source = Source.objects.create(name="agents", url=url, kind=kind.name, created_at=clock())
    world = World(kind=kind, clock=clock, source=source, user=user, second=second)
    with world.inhabited():
        scans.scan_source(source_id=source.pk, now=clock())
        clock.pass_by(60)
        world.learn_states()
        world.books.baseline = world.look()
    return world
