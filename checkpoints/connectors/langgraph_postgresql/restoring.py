"""Writing a restore: copies of earlier checkpoints, in one transaction, as the new head.

Each copy keeps the *parent* of the checkpoint that it copies. Were that checkpoint itself the
parent, LangGraph would apply its writes to delta channels a second time. The rows of
``checkpoint_writes`` are not copied, so the steps after the checkpoint run again. Values that lie
apart are shared: the copy names the same versions.
"""

from __future__ import annotations

from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import bodies, heads
from checkpoints.connectors.langgraph.copying import (
    Order,
    metadata_of,
    require_head,
    require_newest,
    required,
)
from checkpoints.connectors.langgraph.rows import ROOT, CheckpointRow, Key
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_postgresql import schema
from checkpoints.connectors.langgraph_postgresql.database import Database, Session
from checkpoints.connectors.langgraph_postgresql.patches import insert_copy
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.errors import PlanRefused
from checkpoints.records import Head, RestorePlan

_DONE = (
    "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints"
    f" WHERE thread_id = %s AND checkpoint_ns = '' AND metadata ->> '{marks.OPERATION}' = %s"
    " ORDER BY checkpoint_id DESC LIMIT 1"
)
_NEWEST = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = %s"


def restore(database: Database, order: Order) -> Head:
    """Carry out a restore, or find that it was done already."""
    with database.writing(order.plan.thread_id) as session:
        rows = writable_rows(session, database.schema)
        thread_id = order.plan.thread_id
        head = done(rows, thread_id, order.operation_id) or _apply(rows, order)
        return heads.head_of(head, Threads(rows, database.name))


def writable_rows(session: Session, schema_name: str | None) -> Rows:
    """Return what reads rows where they may be added to. Raises PlanRefused."""
    found = schema.inspect(session, schema_name)
    if found.no_restore:
        raise PlanRefused(f"{found.no_restore}; nothing was written")
    return Rows(session, has_task_path=found.has_task_path)


def done(rows: Rows, thread_id: str, operation_id: str) -> CheckpointRow | None:
    """Return what an earlier attempt of the same operation wrote outside subgraphs."""
    found: list[tuple[Any, ...]] = rows.session.few(_DONE, (thread_id, operation_id))
    return rows.checkpoint(Key(*found[0])) if found else None


def _apply(rows: Rows, order: Order) -> CheckpointRow:
    plan = order.plan
    if len(order.written_ids) != len(plan.targets):
        raise PlanRefused("a restore needs one new id per checkpoint; nothing was written")
    require_head(rows, plan)
    for target, identifier in zip(plan.targets, order.written_ids, strict=True):
        require_newest(newest(rows, plan, target.namespace), plan, target.namespace, identifier)
        _insert(rows, required(rows, plan.thread_id, target), identifier, order)
    head = rows.head(plan.thread_id)
    if head is None or head.key.checkpoint_id != order.written_ids[0]:
        raise PlanRefused("the copy would not be the newest; nothing was written")
    return head


def newest(rows: Rows, plan: RestorePlan, namespace: str) -> str:
    """Return the newest id of a namespace, empty where there is none."""
    [(name,)] = rows.session.few(_NEWEST, (plan.thread_id, namespace))
    return name or ""


def _insert(rows: Rows, row: CheckpointRow, identifier: str, order: Order) -> None:
    bodies.decode_body(rows.filled(row))
    values = marks.marked(
        metadata_of(row),
        restored_from=row.key.checkpoint_id,
        operation_id=order.operation_id,
        reason=order.reason,
        directive=order.directive if row.key.namespace == ROOT else None,
    )
    insert_copy(
        rows.session,
        row,
        thread_id=row.key.thread_id,
        identifier=identifier,
        now=order.now,
        metadata=values,
    )
