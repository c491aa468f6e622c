"""What happened between two positions, for whoever follows a store in SQL."""

from __future__ import annotations

from checkpoints.records import Checkpoint, Removal
from checkpoints.stores.record_bytes import (
    time_of,
)
from checkpoints.stores.sql.rows import LISTED, RECORD, THREAD, Db, ThreadRow, record_of

_WINDOW = """
SELECT max(position) FROM (
    SELECT position FROM (
        SELECT position FROM checkpoints
        WHERE position > ? AND position <= ? ORDER BY position LIMIT ?
    ) AS a UNION SELECT position FROM (
        SELECT position FROM events
        WHERE position > ? AND position <= ? ORDER BY position LIMIT ?
    ) AS b ORDER BY position LIMIT ?
) AS c
"""


def last_position(db: Db, after: int, limit: int, end: int) -> int | None:
    """Return the position of the last of the next ``limit`` things up to ``end``, if any."""
    found = db.execute(_WINDOW, (after, end, limit, after, end, limit, limit)).fetchone()[0]
    return None if found is None else int(found)


def gained(db: Db, after: int, last: int) -> list[Checkpoint]:
    """Return the listed checkpoints that came between two positions, in their order."""
    saved = f"{LISTED} c.position > ? AND c.position <= ? ORDER BY c.position"
    back = (
        f"SELECT {RECORD} FROM events e JOIN checkpoints c ON c.id = e.checkpoint_id "
        "LEFT JOIN threads t ON t.thread = c.thread WHERE e.position > ? AND e.position <= ? "
        "AND e.name = 'untrashed' AND c.trashed IS NULL ORDER BY e.position"
    )
    rows = db.execute(saved, (after, last)).fetchall() + db.execute(back, (after, last)).fetchall()
    return list({record.id: record for record in map(record_of, rows)}.values())


def touched(db: Db, after: int, last: int) -> list[ThreadRow]:
    """Return the threads to which something happened between two positions."""
    sql = (
        f"{THREAD} WHERE thread IN (SELECT thread FROM checkpoints WHERE position > ? "
        "AND position <= ? UNION SELECT thread FROM events WHERE position > ? AND position <= ?)"
    )
    return [ThreadRow(*row) for row in db.execute(sql, (after, last, after, last))]


def removed(db: Db, after: int, last: int) -> list[Removal]:
    """Return what went between two positions and is not back."""
    sql = (
        "SELECT t.agent_id, t.thread_id, e.checkpoint_id, e.reason, e.at FROM events e "
        "JOIN threads t ON t.thread = e.thread LEFT JOIN checkpoints c ON c.id = e.checkpoint_id "
        "WHERE e.position > ? AND e.position <= ? "
        "AND e.name IN ('trashed', 'quarantined', 'erased') "
        "AND (c.position IS NULL OR c.trashed IS NOT NULL) ORDER BY e.position"
    )
    rows = db.execute(sql, (after, last))
    return [_removal(*row) for row in rows]


def _removal(agent_id: str, thread_id: str, checkpoint_id: str, reason: str, at: int) -> Removal:
    return Removal(
        agent_id=agent_id,
        thread_id=thread_id,
        checkpoint_id=checkpoint_id,
        reason=reason,
        removed_at=time_of(at),
    )
