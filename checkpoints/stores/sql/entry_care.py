"""Verifying the journal's entries in a store in SQL, and mending them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import CheckpointError, CorruptCheckpoint
from checkpoints.records import Finding
from checkpoints.stores.entry_bytes import EntryName, damage_of, unpack_entry
from checkpoints.stores.record_bytes import microseconds
from checkpoints.stores.sql.rows import Db, as_bytes

_BATCH = 500
_COLUMNS = "agent_id, thread_id, kind, key, checkpoint_id, body"


class _Row(NamedTuple):
    """An entry as it lies in the database."""

    entry: int
    name: EntryName
    checkpoint_id: str | None
    body: bytes

    def finding(self, kind: str, message: str) -> Finding:
        """Return what is wrong with it."""
        return Finding(
            kind=kind,
            message=message,
            checkpoint_id=self.checkpoint_id,
            thread_id=self.name.thread_id,
        )


def verify(db: Db) -> Iterator[Finding]:
    """Check every entry by its checksum. Needs no key."""
    for row, why in _damaged(db):
        yield row.finding("corrupt_entry", why)


def undecodable(db: Db, keys: Keyring | None) -> Iterator[Finding]:
    """Decode every entry whose checksum holds."""
    for row in _everything(db):
        if damage_of(row.name, row.checkpoint_id, row.body) is not None:
            continue
        try:
            unpack_entry(row.name, row.body, keys)
        except CheckpointError as error:
            corrupt = isinstance(error, CorruptCheckpoint)
            yield row.finding("corrupt_entry" if corrupt else "unopened", str(error))


def quarantine(db: Db, now: datetime) -> list[Finding]:
    """Move each entry that is not what was kept into quarantine and tell of it."""
    return [_moved_away(db, row, why, now) for row, why in list(_damaged(db))]


def _moved_away(db: Db, row: _Row, why: str, now: datetime) -> Finding:
    db.execute(
        f"INSERT INTO quarantined_entries ({_COLUMNS}, reason, at) "
        f"SELECT {_COLUMNS}, ?, ? FROM entries WHERE entry = ?",
        (why, microseconds(now), row.entry),
    )
    db.execute("DELETE FROM entries WHERE entry = ?", (row.entry,))
    return row.finding("quarantined", f"{why}; its bytes are kept in quarantine")


def _damaged(db: Db) -> Iterator[tuple[_Row, str]]:
    for row in _everything(db):
        why = damage_of(row.name, row.checkpoint_id, row.body)
        if why is not None:
            yield row, why


def _everything(db: Db) -> Iterator[_Row]:
    """Yield all entries in the order in which they were kept, some hundred at a time."""
    sql = f"SELECT entry, {_COLUMNS} FROM entries WHERE entry > ? ORDER BY entry LIMIT ?"
    after = -1
    while page := db.execute(sql, (after, _BATCH)).fetchall():
        if page[-1][0] <= after:
            return  # numbers out of order: the database itself names that damage
        for entry, agent_id, thread_id, kind, key, checkpoint_id, body in page:
            name = EntryName(agent_id, thread_id, kind, key)
            yield _Row(entry, name, checkpoint_id, as_bytes(body))
        after = page[-1][0]
