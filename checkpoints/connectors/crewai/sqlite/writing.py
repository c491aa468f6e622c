"""Writing restores and forks: one row in one transaction, which CrewAI finds as the newest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checkpoints.connectors import marks
from checkpoints.connectors.crewai.bodies import Body
from checkpoints.connectors.crewai.names import created_at
from checkpoints.connectors.crewai.sqlite import schema
from checkpoints.connectors.crewai.sqlite.rows import Row, Rows
from checkpoints.connectors.crewai.states import head_of, marks_in
from checkpoints.connectors.crewai.writing import ForkOrder, RestoreOrder
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CorruptCheckpoint, HeadMoved, PlanRefused
from checkpoints.records import Head, RestorePlan, RestoreTarget

_INSERT = (
    "INSERT INTO checkpoints (id, created_at, parent_id, branch, data) VALUES (?, ?, ?, ?, {})"
)
_LAST = "SELECT coalesce(max(rowid), 0) FROM checkpoints"
_LAST_NUMBER = 2**63 - 1


@contextmanager
def writing(path: Path, like: Rows, *, undone: str) -> Iterator[Rows]:
    """Give the rows of a file inside a transaction that keeps other writers out.

    Raises PlanRefused, with ``undone`` at its end, when the file must not be written to.
    """
    database = Database(path, writable=True)
    try:
        with database.writing():
            reason = schema.inspect(database).no_writing
            if reason:
                raise PlanRefused(f"{reason}; {undone}")
            yield like.over(database)
    finally:
        database.close()


def restore(path: Path, order: RestoreOrder, like: Rows) -> Head:
    """Carry out a restore, or find that it was done already."""
    branch = order.plan.thread_id
    with writing(path, like, undone="nothing was written") as rows:
        if not _written(rows, branch, order.operation_id, order.plan.expected_head):
            _require_head(rows, order.plan)
            origin = required(rows, order.plan.targets[0])
            _insert(rows, origin, order, branch)
        return present_head(rows, branch)


def fork(path: Path, order: ForkOrder, like: Rows) -> Head:
    """Carry out a fork, or find that it was done already."""
    branch = order.plan.new_thread_id
    with writing(path, like, undone="nothing was written") as rows:
        if not _written(rows, branch, order.operation_id, None):
            require_new(rows, branch)
            origin = required(rows, order.plan.targets[0])
            _insert(rows, origin, order, branch)
        return present_head(rows, branch)


def required(rows: Rows, wanted: RestoreTarget) -> Row:
    """Return what a plan copies. Raises CorruptCheckpoint when it is not what the plan saw."""
    row = rows.find(wanted.checkpoint_id)
    if row is None or row.body is None or row.stored.sha256 != wanted.sha256:
        what = "is gone" if row is None else "is not what it was when the plan was made"
        raise CorruptCheckpoint(
            f"the checkpoint {wanted.checkpoint_id} {what}; nothing was changed",
            checkpoint_id=wanted.checkpoint_id,
        )
    return row


def require_new(rows: Rows, branch: str) -> None:
    """Raise PlanRefused when a branch is there."""
    if rows.branch(branch) is not None:
        raise PlanRefused(
            f"there is a branch {branch!r} already; nothing was written, choose another name"
        )


def present_head(rows: Rows, branch: str) -> Head:
    """Describe the head of a branch that has one."""
    found, row = rows.branch(branch), rows.head(branch)
    if found is None or row is None:
        raise PlanRefused(f"the branch {branch!r} is empty; nothing was changed")
    return describe(rows, row, found.count)


def describe(rows: Rows, row: Row, count: int) -> Head:
    """Describe a head, with what an operation left in it."""
    record = row.record(rows.agent(row.stored.branch))
    return head_of(record, {} if record.damage else row.outline(), count)


def _written(rows: Rows, branch: str, operation_id: str, since: str | None) -> bool:
    """Say whether an operation has written already; it wrote after what was the head then."""
    first = rows.find(since) if since else None
    where = "branch = ? AND rowid > ? ORDER BY rowid"
    for row in rows.select(where, (branch, first.number if first else -(2**63))):
        try:
            if marks_in(row.outline()).get(marks.OPERATION) == operation_id:
                return True
        except CorruptCheckpoint:
            continue
    return False


def _require_head(rows: Rows, plan: RestorePlan) -> None:
    head = rows.head(plan.thread_id)
    actual = head.id if head else None
    same = head is not None and plan.expected_head_sha256 in (None, head.stored.sha256)
    if actual != plan.expected_head or not same:
        raise HeadMoved(
            f"the newest checkpoint of {plan.thread_id!r} is {actual}, not "
            f"{plan.expected_head} as it was when the plan was made: the run saved since; nothing "
            "was changed",
            expected=plan.expected_head,
            actual=actual,
        )


def _insert(rows: Rows, origin: Row, order: RestoreOrder | ForkOrder, branch: str) -> None:
    body = origin.body or Body(data=b"")
    place = "?" if body.is_jsonb else "CAST(? AS TEXT)"
    last = next(int(number) for (number,) in rows.database.rows(_LAST))
    if last == _LAST_NUMBER or rows.find(order.written_id):
        raise PlanRefused(
            "the file has no room for a newer row, or one with the chosen id; nothing was written"
        )
    values = (order.written_id, created_at(order.written_id), origin.id, branch, order.body(body))
    rows.database.execute(_INSERT.format(place), values)
    head = rows.head(branch)
    if head is None or head.id != order.written_id:
        raise PlanRefused("the copy would not be the newest; nothing was written")
