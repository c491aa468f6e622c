"""The store that LangGraph's PostgresSaver writes, as Holdfast reads it and acts on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies, heads
from checkpoints.connectors.langgraph.copying import Order
from checkpoints.connectors.langgraph.deltas import delta_values
from checkpoints.connectors.langgraph.records import gather, record_of, row_of, unaltered
from checkpoints.connectors.langgraph.rows import CheckpointRow, names_of
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_postgresql import schema
from checkpoints.connectors.langgraph_postgresql.changes import Scanner
from checkpoints.connectors.langgraph_postgresql.database import Database
from checkpoints.connectors.langgraph_postgresql.forking import planner_of
from checkpoints.connectors.langgraph_postgresql.operations import DatabaseOperations
from checkpoints.connectors.langgraph_postgresql.restoring import restore
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.connectors.langgraph_postgresql.tending import DatabaseTending
from checkpoints.connectors.langgraph_postgresql.verify import verify_thread
from checkpoints.errors import AmbiguousReference, CheckpointNotFound, PlanRefused, StoreError
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
from checkpoints.stores.urls import StoreUrl

_ADDING = ("restore", "fork", "edit")
_REMOVING = ("prune", "erase")


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def recognise_server(url: StoreUrl) -> str | None:
    """Say by what a database is known to be LangGraph's; ``None`` when it is not, or not told."""
    try:
        database = Database(url)
        try:
            with database.snapshot() as session:
                is_known = schema.are_there(session, database.schema)
        finally:
            database.close()
    except StoreError:
        return None
    return "its tables are LangGraph's" if is_known else None


class LangGraphPostgresqlStore(DatabaseOperations, DatabaseTending):
    """Lists and reads the checkpoints in LangGraph's tables, and acts on them.

    Reads are transactions that cannot write. Raises PermanentStoreError when the database does
    not hold such tables, TransientStoreError when it cannot be reached. ``clock`` gives the
    present time, from which restored checkpoints take their ids.
    """

    def __init__(self, url: StoreUrl, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.url = url.shown
        self.clock = clock
        self._database = Database(url)
        with self._database.snapshot() as session:
            self._schema = schema.inspect(session, self._database.schema)

    @property
    def capabilities(self) -> Capabilities:
        """What can be done with these tables, with the reason for each thing that cannot."""
        found = self._schema
        add, take = found.no_restore is None, found.no_removal is None
        refused = {} if found.no_restore is None else dict.fromkeys(_ADDING, found.no_restore)
        if found.no_removal is not None:
            refused |= dict.fromkeys(_REMOVING, found.no_removal)
        return Capabilities(
            restore=add, fork=add, edit=add, prune=take, erase=take, reasons=refused
        )

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        now = self.clock()
        with self._reading(digests=False) as (rows, threads):
            found = [threads.read(name, now) for name in rows.thread_ids()]
        yield from sorted(found, key=_updated_at, reverse=True)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints of every namespace, newest first."""
        where = "thread_id = %s ORDER BY checkpoint_id DESC, checkpoint_ns LIMIT %s"
        with self._reading() as (rows, threads):
            agent = self._agent(threads, agent_id, thread_id)
            found = rows.checkpoints(where, (thread_id, limit))
            return [record_of(gather(rows, row), agent) for row in found]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record. Raises CheckpointNotFound, or AmbiguousReference."""
        with self._reading() as (rows, threads):
            row = self._one(rows, checkpoint_id, thread_id, namespace)
            return record_of(gather(rows, row), threads.agent(row.key.thread_id))

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return the channel values; what only the agent's code could build comes described."""
        with self._reading(whole=True) as (rows, _):
            return _state(rows, unaltered(rows, checkpoint))

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored body, then each value that lies apart from it.

        Before such a value stands a line of JSON that names it and says how many bytes it has.
        """
        with self._reading(whole=True) as (rows, _):
            row = row_of(rows, checkpoint)
        parts = [row.body or b""]
        for channel, blob in sorted(row.blobs.items()):
            named = {"channel": channel, "version": blob.version, "type": blob.type}
            parts.append(json.dumps({**named, "size": blob.size}).encode())
            parts.append(blob.data or b"")
        return b"\n".join(parts)

    def questions(self, checkpoint: Checkpoint) -> list[str]:
        """Return what is asked at a checkpoint, and asked again by a run that begins there."""
        with self._reading(digests=False) as (rows, threads):
            return threads.questions(gather(rows, row_of(rows, checkpoint)))

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what LangGraph resumes this thread from: its newest root checkpoint."""
        with self._reading(digests=False) as (rows, threads):
            row = rows.head(thread_id)
            if row is None or agent_id not in (None, threads.agent(thread_id)):
                return None
            return heads.head_of(row, threads)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after a cursor."""
        with self._reading() as (rows, threads):
            return Scanner(rows, threads).changes(cursor, limit=limit, now=self.clock())

    def counts(self) -> dict[str, int]:
        """Return how many checkpoints each thread has."""
        with self._reading() as (rows, _):
            return rows.counts()

    def names(self, thread_id: str) -> set[tuple[str, str]]:
        """Return the namespace and id of every checkpoint of a thread."""
        with self._reading() as (rows, _):
            return names_of(rows, thread_id)

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong.

        Each thread is read in a snapshot of its own, so that no long one keeps the server from
        tidying up behind other programs.
        """
        now = self.clock()
        with self._reading(digests=False) as (rows, _):
            names = rows.thread_ids()
        for name in names:
            with self._reading(digests=False) as (rows, _):
                yield from verify_thread(rows, name, now)

    def plan_restore(self, checkpoint: Checkpoint) -> RestorePlan:
        """Say what a restore would do now. Raises CorruptCheckpoint, PlanRefused."""
        if self._schema.no_restore:
            raise PlanRefused(self._schema.no_restore)
        with self._reading() as (rows, threads):
            row = unaltered(rows, checkpoint)
            plan = planner_of(rows, threads).plan(row, self.clock())
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
        return restore(self._database, order)

    def close(self) -> None:
        """Let go of the connections."""
        self._database.close()

    @contextmanager
    def _reading(
        self, *, whole: bool = False, digests: bool = True
    ) -> Iterator[tuple[Rows, Threads]]:
        with self._database.snapshot() as session:
            has_task_path = self._schema.has_task_path
            rows = Rows(
                session, has_task_path=has_task_path, whole=whole, digests=digests, ahead=True
            )
            yield rows, Threads(rows, self._database.name)

    def _one(
        self, rows: Rows, checkpoint_id: str, thread_id: str | None, namespace: str | None
    ) -> CheckpointRow:
        wanted = {
            "checkpoint_id": checkpoint_id,
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
        }
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = %s" for column in given)
        found = list(rows.checkpoints(f"{where} LIMIT 2", tuple(given.values())))
        if not found:
            raise CheckpointNotFound(f"{rows.where} has no checkpoint {checkpoint_id!r}")
        if len(found) > 1:
            raise AmbiguousReference(
                f"{rows.where} has {checkpoint_id!r} in several threads; name the thread too"
            )
        return found[0]


def _state(rows: Rows, row: CheckpointRow) -> dict[str, Any]:
    body = bodies.decode_body(row)
    values = {str(name): inert.presentable(value) for name, value in body.values.items()}
    return values | delta_values(rows, row, body.values)


def _updated_at(thread: Thread) -> datetime:
    return thread.updated_at or bodies.UNKNOWN_TIME
