"""Beginning a new thread at a checkpoint of another.

The new thread has the checkpoint's ancestors under their own ids with all that their tasks wrote,
for a delta channel is built from them, the values of them all, and at their end a copy of the
checkpoint with a new id. What its own tasks wrote is not copied, so the steps after it run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import heads
from checkpoints.connectors.langgraph.copying import ForkOrder, metadata_of, require_root, required
from checkpoints.connectors.langgraph.planning import Planner, target_of, warnings_of
from checkpoints.connectors.langgraph.records import gather, record_of
from checkpoints.connectors.langgraph.rows import ROOT, CheckpointRow
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_postgresql.database import Database
from checkpoints.connectors.langgraph_postgresql.edits import Edited, make_edits
from checkpoints.connectors.langgraph_postgresql.patches import insert_copy, require_copyable
from checkpoints.connectors.langgraph_postgresql.restoring import done, writable_rows
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Head

_IS_THERE = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM checkpoints WHERE thread_id = %s)
    OR EXISTS (SELECT 1 FROM checkpoint_writes WHERE thread_id = %s)
    OR EXISTS (SELECT 1 FROM checkpoint_blobs WHERE thread_id = %s)
"""
_PLACE = "thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = ANY (%s)"
_CHECKPOINTS = f"""
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type,
    checkpoint, metadata)
SELECT %s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
FROM checkpoints WHERE {_PLACE}
"""
_WRITES = f"""
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, {{task_path}}idx,
    channel, type, blob)
SELECT %s, checkpoint_ns, checkpoint_id, task_id, {{task_path}}idx, channel, type, blob
FROM checkpoint_writes WHERE {_PLACE}
"""
_NAMED = f"""(channel, version) IN (
    SELECT v.key, v.value FROM checkpoints, LATERAL jsonb_each_text(
        CASE jsonb_typeof(checkpoint -> 'channel_versions') WHEN 'object'
        THEN checkpoint -> 'channel_versions' END) v
    WHERE {_PLACE})"""
_BLOBS = f"""
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
SELECT %s, checkpoint_ns, channel, version, type, blob FROM checkpoint_blobs
WHERE thread_id = %s AND checkpoint_ns = %s AND {_NAMED}
"""
_EDITED = """
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
VALUES (%s, %s, %s, %s, 'msgpack', %s)
"""
_SIZES = f"""
SELECT (SELECT coalesce(sum(octet_length(checkpoint::text) + octet_length(metadata::text)), 0)
        FROM checkpoints WHERE {_PLACE}),
    (SELECT coalesce(sum(octet_length(blob)), 0) FROM checkpoint_writes WHERE {_PLACE}),
    (SELECT coalesce(sum(octet_length(blob)), 0) FROM checkpoint_blobs
        WHERE thread_id = %s AND checkpoint_ns = %s AND {_NAMED})
"""


def planner_of(rows: Rows, threads: Threads) -> Planner:
    """Return what derives plans from a snapshot."""
    return Planner(rows, threads, lambda row: require_copyable(rows, row))


@dataclass(frozen=True, slots=True)
class ForkPlanner:
    """Derives plans of forks from a database as it is. Writes nothing."""

    rows: Rows
    threads: Threads

    def plan(self, row: CheckpointRow, thread_id: str, edits: Sequence[Edit]) -> ForkPlan:
        """Plan a fork at a root checkpoint. Raises CorruptCheckpoint, PlanRefused."""
        require_root(row)
        _require_new(self.rows, thread_id)
        planner = planner_of(self.rows, self.threads)
        states, _ = planner.subgraphs(row, frozenset(planner.lineage(row)[1:]))
        for copied in (row, *states):
            require_copyable(self.rows, copied)
        make_edits(self.rows, row, edits)
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
        lineage = planner.lineage(row)
        place = (row.key.thread_id, row.key.namespace)
        given = (*place, lineage, *place, lineage[1:], *place, *place, lineage)
        [sizes] = self.rows.session.few(_SIZES, given)
        return sum(map(int, sizes))


def fork(database: Database, order: ForkOrder) -> Head:
    """Carry out a fork, or find that it was done already."""
    with database.writing(order.plan.new_thread_id) as session:
        rows = writable_rows(session, database.schema)
        threads = Threads(rows, database.name)
        thread_id = order.plan.new_thread_id
        head = done(rows, thread_id, order.operation_id) or _apply(rows, threads, order)
        return heads.head_of(head, threads)


def _apply(rows: Rows, threads: Threads, order: ForkOrder) -> CheckpointRow:
    plan = order.plan
    if len(order.written_ids) != len(plan.targets):
        raise PlanRefused("a fork needs one new id per checkpoint; nothing was written")
    _require_new(rows, plan.new_thread_id)
    planner = planner_of(rows, threads)
    for target, identifier in zip(plan.targets, order.written_ids, strict=True):
        row = required(rows, plan.thread_id, target)
        _copy(rows, row, planner.lineage(row), plan.new_thread_id)
        _insert(rows, row, identifier, order)
        newest = rows.head(plan.new_thread_id, target.namespace)
        if newest is None or newest.key.checkpoint_id != identifier:
            raise PlanRefused("the copy would not be the newest; nothing was written")
    head = rows.head(plan.new_thread_id)
    if head is None:
        raise PlanRefused("a fork begins at a checkpoint of the thread; nothing was written")
    return head


def _copy(rows: Rows, row: CheckpointRow, lineage: Sequence[str], thread_id: str) -> None:
    """Copy the ancestors of a row as they lie there, with their tasks' writes, and all values."""
    place, above = (row.key.thread_id, row.key.namespace), list(lineage[1:])
    rows.session.execute(_CHECKPOINTS, (thread_id, *place, above))
    task_path = "task_path, " if rows.has_task_path else ""
    rows.session.execute(_WRITES.format(task_path=task_path), (thread_id, *place, above))
    rows.session.execute(_BLOBS, (thread_id, *place, *place, list(lineage)))


def _insert(rows: Rows, row: CheckpointRow, identifier: str, order: ForkOrder) -> None:
    require_copyable(rows, row)
    key, edits = row.key, order.plan.edits if row.key.namespace == ROOT else ()
    edited = make_edits(rows, row, edits)
    values = marks.forked(
        metadata_of(row),
        checkpoint_id=key.checkpoint_id,
        thread_id=key.thread_id,
        operation_id=order.operation_id,
        reason=order.reason,
    )
    insert_copy(
        rows.session,
        row,
        thread_id=order.plan.new_thread_id,
        identifier=identifier,
        now=order.now,
        metadata=values,
        edited=edited,
    )
    if edited:
        _keep_apart(rows, key.namespace, edited, order.plan.new_thread_id)


def _keep_apart(rows: Rows, namespace: str, edited: Edited, thread_id: str) -> None:
    for channel, (version, data) in edited.blobs.items():
        rows.session.execute(_EDITED, (thread_id, namespace, channel, version, data))


def _require_new(rows: Rows, thread_id: str) -> None:
    if not thread_id or "\0" in thread_id:
        raise PlanRefused("a new thread needs a name without NUL; nothing was written")
    if rows.session.few(_IS_THERE, (thread_id,) * 3):
        raise PlanRefused(f"there is a thread {thread_id!r} already; nothing was written")
