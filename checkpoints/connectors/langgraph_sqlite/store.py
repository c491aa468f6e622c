"""The store that LangGraph's SqliteSaver writes, as Holdfast reads it and acts on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies, heads
from checkpoints.connectors.langgraph.copying import Order
from checkpoints.connectors.langgraph.deltas import delta_values
from checkpoints.connectors.langgraph.planning import Planner
from checkpoints.connectors.langgraph.records import gather, record_of, row_of, unaltered
from checkpoints.connectors.langgraph.rows import CheckpointRow, names_of
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_sqlite import copies, measuring, schema
from checkpoints.connectors.langgraph_sqlite.changes import Scanner
from checkpoints.connectors.langgraph_sqlite.operations import FileOperations
from checkpoints.connectors.langgraph_sqlite.rehearsing import Rehearsal
from checkpoints.connectors.langgraph_sqlite.restoring import restore
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.langgraph_sqlite.verify import verify
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import (
    AmbiguousReference,
    CheckpointNotFound,
    PlanRefused,
    StoreError,
)
from checkpoints.measures import FieldSize, Space
from checkpoints.records import (
    Capabilities,
    Changes,
    Checkpoint,
    Directive,
    Finding,
    Head,
    RestorePlan,
    Thread,
)

_ACTS = ("restore", "fork", "edit", "prune", "erase")


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class LangGraphSqliteStore(FileOperations):
    """Lists and reads the checkpoints in a LangGraph SQLite file, and acts on them.

    The file is opened read-only except while an operation writes. Raises PermanentStoreError when
    ``path`` is no such file, TransientStoreError when it is locked. ``clock`` gives the present
    time, from which restored checkpoints take their ids.
    """

    def __init__(
        self,
        path: Path,
        *,
        url: str | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.path = path
        self.url = url or f"langgraph+sqlite:///{path}"
        self.clock = clock
        self._database, self._schema = _opened(path)
        self._rows = Rows(self._database, has_task_path=self._schema.has_task_path)
        self._threads = Threads(self._rows, path.stem)

    @property
    def capabilities(self) -> Capabilities:
        """What can be done with this file, with the reason for each thing that cannot."""
        reason = self._schema.no_restore
        if reason:
            return Capabilities(reasons=dict.fromkeys(_ACTS, reason))
        return Capabilities(restore=True, fork=True, edit=True, prune=True, erase=True)

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        now = self.clock()
        with self._database.snapshot():
            threads = [self._threads.read(name, now) for name in self._threads.ids()]
        yield from sorted(threads, key=_updated_at, reverse=True)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints of every namespace, newest first."""
        where = "thread_id = ? ORDER BY checkpoint_id DESC LIMIT ?"
        with self._database.snapshot():
            agent = self._agent(agent_id, thread_id)
            rows = self._rows.checkpoints(where, (thread_id, -1 if limit is None else limit))
            return [record_of(gather(self._rows, row), agent) for row in rows]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record. Raises CheckpointNotFound, or AmbiguousReference."""
        with self._database.snapshot():
            row = self._one(checkpoint_id, thread_id, namespace)
            return record_of(gather(self._rows, row), self._threads.agent(row.key.thread_id))

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return the channel values; what only the agent's code could build comes described."""
        with self._database.snapshot():
            return self._state(unaltered(self._rows, checkpoint))

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored body as it is."""
        return row_of(self._rows, checkpoint).body or b""

    def questions(self, checkpoint: Checkpoint) -> list[str]:
        """Return what is asked at a checkpoint, and asked again by a run that begins there."""
        with self._database.snapshot():
            return self._threads.questions(gather(self._rows, row_of(self._rows, checkpoint)))

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what LangGraph resumes this thread from: its newest root checkpoint."""
        with self._database.snapshot():
            row = self._rows.head(thread_id)
            if row is None or agent_id not in (None, self._threads.agent(thread_id)):
                return None
            return heads.head_of(row, self._threads)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after a cursor."""
        with self._database.explained(), self._database.snapshot():
            scanner = Scanner(self._rows, self._threads)
            return scanner.changes(cursor, limit=limit, now=self.clock())

    def counts(self) -> dict[str, int]:
        """Return how many checkpoints each thread has."""
        with self._database.snapshot():
            return self._rows.counts()

    def names(self, thread_id: str) -> set[tuple[str, str]]:
        """Return the namespace and id of every checkpoint of a thread."""
        with self._database.snapshot():
            return names_of(self._rows, thread_id)

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        return verify(self._rows, self.clock())

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what a restore would do now. Raises CorruptCheckpoint, PlanRefused."""
        if self._schema.no_restore:
            raise PlanRefused(self._schema.no_restore)
        with self._database.snapshot():
            row = unaltered(self._rows, checkpoint)
            planner = Planner(self._rows, self._threads, copies.require_copyable)
            plan = planner.plan(row, self.clock())
        self.choose_ids(plan)
        return plan

    def choose_ids(self, plan: RestorePlan) -> tuple[str, ...]:
        """Choose ids that sort after everything in the thread; the root's is the last of them.

        A subgraph's copy must not sort after its root's: a later restore of that root would
        otherwise not find it. Raises PlanRefused when the clock is behind the thread.
        """
        return self._ids_after(plan.thread_id, len(plan.targets))

    def restore(
        self,
        plan: RestorePlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
        directive: Directive | None = None,
    ) -> Head:
        """Insert copies of the plan's checkpoints as the new head, in one transaction.

        Raises HeadMoved, CorruptCheckpoint, PlanRefused or StoreError; then nothing was written.
        """
        order = Order(
            plan=plan,
            written_ids=tuple(written_ids),
            operation_id=operation_id,
            reason=reason,
            now=now,
            directive=directive,
        )
        return restore(self.path, order, self.path.stem)

    def field_sizes(self, agent_id: str | None, thread_id: str) -> Iterator[FieldSize]:
        """Yield what each channel takes, by the node that wrote it, largest first."""
        with self._database.snapshot():
            self._agent(agent_id, thread_id)
            sizes = measuring.field_sizes(self._rows, thread_id)
        yield from sizes

    def space(self) -> Space:
        """Return what the file and its log take."""
        with self._database.snapshot():
            return measuring.space_of(self._database)

    def copy_for_rehearsal(self, checkpoint: Checkpoint, folder: Path) -> LangGraphSqliteStore:
        """Write the thread's names and what a restore reads into a file of the same name.

        Raises CorruptCheckpoint, CheckpointNotFound, StoreError.
        """
        with self._database.snapshot():
            row = unaltered(self._rows, checkpoint)
            bodies.decode_body(row)
            path = folder / self.path.name
            rehearsal = Rehearsal(self._rows, self._threads, row)
            rehearsal.write(path, has_task_path=self._schema.has_task_path)
        return LangGraphSqliteStore(path, clock=self.clock)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _state(self, row: CheckpointRow) -> dict[str, Any]:
        body = bodies.decode_body(row)
        values = {str(name): inert.presentable(value) for name, value in body.values.items()}
        return values | delta_values(self._rows, row, body.values)

    def _one(
        self, checkpoint_id: str, thread_id: str | None, namespace: str | None
    ) -> CheckpointRow:
        wanted = {
            "checkpoint_id": checkpoint_id,
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
        }
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in given)
        found = list(self._rows.checkpoints(f"{where} LIMIT 2", tuple(given.values())))
        if not found:
            raise CheckpointNotFound(f"{self.path} has no checkpoint {checkpoint_id!r}")
        if len(found) > 1:
            raise AmbiguousReference(
                f"{self.path} has {checkpoint_id!r} in several threads; name the thread too"
            )
        return found[0]


def _opened(path: Path) -> tuple[Database, schema.Schema]:
    database = Database(path)
    try:
        return database, schema.inspect(database)
    except StoreError:
        database.close()
        raise


def _updated_at(thread: Thread) -> datetime:
    return thread.updated_at or bodies.UNKNOWN_TIME
