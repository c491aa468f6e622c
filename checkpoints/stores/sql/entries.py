"""The journal's entries as rows: one function per statement.

A database that needs another statement for one with a public name puts its own in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from checkpoints.records import JournalName
from checkpoints.stores.entry_bytes import EntryName, PackedEntry, after_prefix
from checkpoints.stores.sql.rows import Db, as_bytes

KEEP = (
    "INSERT INTO entries (agent_id, thread_id, kind, key, checkpoint_id, body) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1"
)
_OF_THREAD = "thread_id = ? AND agent_id = ?"
_OF_KIND = f"{_OF_THREAD} AND kind = ?"
_FOUND = f"SELECT key, body FROM entries WHERE {_OF_KIND} AND key >= ?"
FOUND_FROM = f"{_FOUND} ORDER BY key DESC LIMIT ?"
FOUND_BETWEEN = f"{_FOUND} AND key < ? ORDER BY key DESC LIMIT ?"
FORGET = f"DELETE FROM entries WHERE {_OF_KIND} AND key = ? RETURNING 1"
FORGET_NAMING = f"DELETE FROM entries WHERE checkpoint_id = ? AND {_OF_THREAD}"
FORGET_THREAD = f"DELETE FROM entries WHERE {_OF_THREAD}"
_ALL = 1 << 62
"""A limit that none reaches."""


def keep(db: Db, packed: Sequence[PackedEntry], *, replace: bool) -> int:
    """Keep entries; return how many are new."""
    new = 0
    for entry in packed:
        new -= forget(db, entry.name) if replace else 0
        values = (*entry.name, entry.checkpoint_id, entry.body)
        new += len(db.execute(KEEP, values).fetchall())
    return new


def found(
    db: Db, agent_id: str, thread_id: str, kind: str, *, prefix: str, limit: int | None
) -> list[tuple[EntryName, bytes]]:
    """Return names and bodies in the order of the keys; the last ``limit`` of them."""
    count = _ALL if limit is None else max(0, limit)
    names, end = (thread_id, agent_id, kind, prefix), after_prefix(prefix)
    if end is None:
        rows = db.execute(FOUND_FROM, (*names, count)).fetchall()
    else:
        rows = db.execute(FOUND_BETWEEN, (*names, end, count)).fetchall()
    return [(EntryName(agent_id, thread_id, kind, key), as_bytes(body)) for key, body in rows[::-1]]


def journals(db: Db, agent_id: str | None, thread_id: str | None) -> list[JournalName]:
    """Return which kinds of entries there are, of one thread, one name or all."""
    given = {"thread_id = ?": thread_id, "agent_id = ?": agent_id}
    chosen = {condition: name for condition, name in given.items() if name is not None}
    where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
    sql = f"SELECT DISTINCT agent_id, thread_id, kind FROM entries{where}"
    rows = sorted(tuple(row) for row in db.execute(sql, tuple(chosen.values())))
    return [
        JournalName(agent_id=agent, thread_id=thread, kind=kind) for agent, thread, kind in rows
    ]


def forget(db: Db, name: EntryName) -> int:
    """Delete an entry; return 1 if it was there."""
    values = (name.thread_id, name.agent_id, name.kind, name.key)
    return len(db.execute(FORGET, values).fetchall())


def forget_naming(db: Db, agent_id: str, thread_id: str, checkpoint_ids: Sequence[str]) -> None:
    """Delete a thread's entries that name one of these checkpoints."""
    for checkpoint_id in checkpoint_ids:
        db.execute(FORGET_NAMING, (checkpoint_id, thread_id, agent_id))


def forget_thread(db: Db, agent_id: str, thread_id: str) -> None:
    """Delete a thread's journal, with what of it is in quarantine."""
    db.execute(FORGET_THREAD, (thread_id, agent_id))
    db.execute(f"DELETE FROM quarantined_entries WHERE {_OF_THREAD}", (thread_id, agent_id))
