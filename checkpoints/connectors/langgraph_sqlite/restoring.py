"""Writing a restore: copies of earlier checkpoints, in one transaction, as the new head.

Each copy keeps the *parent* of the checkpoint that it copies. Were that checkpoint itself the
parent, LangGraph would apply its writes to delta channels a second time. The rows of ``writes``
are not copied, so the steps after the checkpoint run again.
"""

from __future__ import annotations

from pathlib import Path

from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import bodies, heads
from checkpoints.connectors.langgraph.copying import (
    Order,
    metadata_of,
    require_head,
    require_newest,
    required,
)
from checkpoints.connectors.langgraph.rows import ROOT, CheckpointRow, text_of
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_sqlite import copies, schema
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PlanRefused
from checkpoints.records import Head, RestorePlan, RestoreTarget

INSERT = (
    "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,"
    " type, checkpoint, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_SINCE = "thread_id = ? AND checkpoint_ns = '' AND checkpoint_id >= ? ORDER BY checkpoint_id"
_NEWEST = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ?"


def restore(path: Path, order: Order, fallback_agent: str) -> Head:
    """Carry out a restore, or find that it was done already."""
    database = Database(path, writable=True)
    try:
        with database.writing():
            found = schema.inspect(database)
            if found.no_restore:
                raise PlanRefused(f"{found.no_restore}; nothing was written")
            rows = Rows(database, has_task_path=found.has_task_path)
            head = _done(rows, order) or _apply(rows, order)
            return heads.head_of(head, Threads(rows, fallback_agent))
    finally:
        database.close()


def _done(rows: Rows, order: Order) -> CheckpointRow | None:
    """Return what an earlier attempt of the same operation wrote."""
    plan = order.plan
    since = rows.checkpoints(_SINCE, (plan.thread_id, plan.expected_head or ""))
    for row in since:
        if bodies.decode_metadata(row).get(marks.OPERATION) == order.operation_id:
            return row
    return None


def _apply(rows: Rows, order: Order) -> CheckpointRow:
    plan = order.plan
    if len(order.written_ids) != len(plan.targets):
        raise PlanRefused("a restore needs one new id per checkpoint; nothing was written")
    require_head(rows, plan)
    for target, identifier in zip(plan.targets, order.written_ids, strict=True):
        require_newest(_newest(rows, plan, target), plan, target.namespace, identifier)
        _insert(rows, required(rows, plan.thread_id, target), identifier, order)
    head = rows.head(plan.thread_id)
    if head is None or head.key.checkpoint_id != order.written_ids[0]:
        raise PlanRefused("the copy would not be the newest; nothing was written")
    return head


def _newest(rows: Rows, plan: RestorePlan, target: RestoreTarget) -> str:
    found = rows.database.rows(_NEWEST, (plan.thread_id, target.namespace))
    return next((text_of(newest) for (newest,) in found), "")


def _insert(rows: Rows, row: CheckpointRow, identifier: str, order: Order) -> None:
    key = row.key
    is_root = key.namespace == ROOT
    values = marks.marked(
        metadata_of(row),
        restored_from=key.checkpoint_id,
        operation_id=order.operation_id,
        reason=order.reason,
        directive=order.directive if is_root else None,
    )
    body = copies.body(row, identifier, order.now)
    copy = (key.thread_id, key.namespace, identifier, row.parent_id, row.type, body)
    rows.database.execute(INSERT, (*copy, copies.metadata(values)))
