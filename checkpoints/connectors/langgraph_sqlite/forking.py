"""Beginning a new thread at a checkpoint of another.

The new thread has the checkpoint's ancestors under their own ids with all that their tasks wrote,
for a delta channel is built from them, and at their end a copy of the checkpoint with a new id.
What its own tasks wrote is not copied, so the steps after it run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import bodies, deltas, heads
from checkpoints.connectors.langgraph.copying import ForkOrder, metadata_of, require_root, required
from checkpoints.connectors.langgraph.planning import Planner, target_of, warnings_of
from checkpoints.connectors.langgraph.records import gather, record_of
from checkpoints.connectors.langgraph.rows import ROOT, CheckpointRow
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_sqlite import copies, schema
from checkpoints.connectors.langgraph_sqlite.restoring import INSERT
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Head

_IS_THERE = (
    "SELECT 1 FROM checkpoints WHERE thread_id = ?1 UNION ALL"
    " SELECT 1 FROM writes WHERE thread_id = ?1 LIMIT 1"
)
_SIZES = (
    "SELECT checkpoint_id, ifnull(length(checkpoint), 0) + ifnull(length(metadata), 0)"
    " FROM checkpoints WHERE thread_id = ?1 AND checkpoint_ns = ?2 UNION ALL"
    " SELECT checkpoint_id, ifnull(length(value), 0)"
    " FROM writes WHERE thread_id = ?1 AND checkpoint_ns = ?2"
)


@dataclass(frozen=True, slots=True)
class ForkPlanner:
    """Derives plans of forks from a file as it is. Writes nothing."""

    rows: Rows
    threads: Threads

    def plan(
        self, row: CheckpointRow, thread_id: str, edits: Sequence[Edit], now: datetime
    ) -> ForkPlan:
        """Plan a fork at a root checkpoint. Raises CorruptCheckpoint, PlanRefused."""
        require_root(row)
        _require_new(self.rows, thread_id)
        planner = Planner(self.rows, self.threads, copies.require_copyable)
        lineage = planner.lineage(row)
        states, _ = planner.subgraphs(row, frozenset(lineage[1:]))
        _copied(self.rows, row, row.key.checkpoint_id, now, edits)
        for state in states:
            _copied(self.rows, state, state.key.checkpoint_id, now, ())
        material = gather(self.rows, row)
        agent_id = self.threads.agent(row.key.thread_id)
        record = record_of(material, agent_id)
        return ForkPlan(
            agent_id=agent_id,
            thread_id=row.key.thread_id,
            new_agent_id=agent_id,
            new_thread_id=thread_id,
            targets=tuple(map(target_of, (row, *states))),
            edits=tuple(edits),
            copied_bytes=sum(self._size(planner, copied) for copied in (row, *states)),
            rerun_steps=record.next_steps,
            warnings=(*warnings_of(record, material), *planner.per_call_warnings(row)),
        )

    def _size(self, planner: Planner, row: CheckpointRow) -> int:
        copied = set(planner.lineage(row))
        sizes = self.rows.database.rows(_SIZES, (row.key.thread_id, row.key.namespace))
        return sum(size for name, size in sizes if name in copied)


def fork(path: Path, order: ForkOrder, fallback_agent: str) -> Head:
    """Carry out a fork, or find that it was done already."""
    database = Database(path, writable=True)
    try:
        with database.writing():
            found = schema.inspect(database)
            if found.no_restore:
                raise PlanRefused(f"{found.no_restore}; nothing was written")
            rows = Rows(database, has_task_path=found.has_task_path)
            threads = Threads(rows, fallback_agent)
            head = _done(rows, order) or _apply(rows, threads, order)
            return heads.head_of(head, threads)
    finally:
        database.close()


def _done(rows: Rows, order: ForkOrder) -> CheckpointRow | None:
    """Return what an earlier attempt of the same operation wrote."""
    where = "thread_id = ? AND checkpoint_ns = ? ORDER BY checkpoint_id DESC"
    for row in rows.checkpoints(where, (order.plan.new_thread_id, ROOT)):
        if bodies.decode_metadata(row).get(marks.OPERATION) == order.operation_id:
            return row
    return None


def _apply(rows: Rows, threads: Threads, order: ForkOrder) -> CheckpointRow:
    plan = order.plan
    if len(order.written_ids) != len(plan.targets):
        raise PlanRefused("a fork needs one new id per checkpoint; nothing was written")
    _require_new(rows, plan.new_thread_id)
    planner = Planner(rows, threads, copies.require_copyable)
    for target, identifier in zip(plan.targets, order.written_ids, strict=True):
        row = required(rows, plan.thread_id, target)
        for ancestor in planner.lineage(row)[1:]:
            _copy(rows.database, row, ancestor, plan.new_thread_id)
        _insert(rows, row, identifier, order)
        newest = rows.head(plan.new_thread_id, target.namespace)
        if newest is None or newest.key.checkpoint_id != identifier:
            raise PlanRefused("the copy would not be the newest; nothing was written")
    head = rows.head(plan.new_thread_id)
    if head is None:
        raise PlanRefused("a fork begins at a checkpoint of the thread; nothing was written")
    return head


def _copy(database: Database, row: CheckpointRow, ancestor: str, thread_id: str) -> None:
    """Copy an ancestor of a row as it lies there, column by column, with its tasks' writes."""
    for table in ("checkpoints", "writes"):
        columns = [f'"{name}"' for name in schema.columns(database, table) if name != "thread_id"]
        names = ", ".join(columns)
        database.execute(
            f"INSERT INTO {table} (thread_id, {names}) SELECT ?, {names} FROM {table}"
            " WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?",
            (thread_id, row.key.thread_id, row.key.namespace, ancestor),
        )


def _insert(rows: Rows, row: CheckpointRow, identifier: str, order: ForkOrder) -> None:
    key, edits = row.key, order.plan.edits if row.key.namespace == ROOT else ()
    values = marks.forked(
        metadata_of(row),
        checkpoint_id=key.checkpoint_id,
        thread_id=key.thread_id,
        operation_id=order.operation_id,
        reason=order.reason,
    )
    body = _copied(rows, row, identifier, order.now, edits)
    copy = (order.plan.new_thread_id, key.namespace, identifier, row.parent_id, row.type, body)
    rows.database.execute(INSERT, (*copy, copies.metadata(values)))


def _copied(
    rows: Rows, row: CheckpointRow, identifier: str, now: datetime, edits: Sequence[Edit]
) -> bytes:
    metadata_of(row)
    names = deltas.channels(rows, row.key.thread_id, row.key.namespace) if edits else ()
    return copies.body(row, identifier, now, edits=edits, deltas=names)


def _require_new(rows: Rows, thread_id: str) -> None:
    if not thread_id:
        raise PlanRefused("a new thread needs a name; nothing was written")
    if any(rows.database.rows(_IS_THERE, (thread_id,))):
        raise PlanRefused(f"there is a thread {thread_id!r} already; nothing was written")
