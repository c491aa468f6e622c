"""What the rows of a store in SQL take up that no checkpoint is read from."""

from __future__ import annotations

from checkpoints.stores.sql.rows import Db

_TRASHED = "SELECT sum(length(record) + length(frame)) FROM checkpoints WHERE trashed IS NOT NULL"
_QUARANTINED = "SELECT sum(length(record) + length(frame)) FROM quarantine"
_ENTRIES = "SELECT sum(length(body)) FROM quarantined_entries"


def trashed(db: Db) -> int:
    """Return the bytes of what lies in the trash."""
    return _sum(db, _TRASHED)


def quarantined(db: Db) -> int:
    """Return the bytes of what could not be read and was put away."""
    return _sum(db, _QUARANTINED) + _sum(db, _ENTRIES)


def _sum(db: Db, statement: str) -> int:
    (found,) = db.execute(statement).fetchone()
    return int(found or 0)
