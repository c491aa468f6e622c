"""Saving what can be read of a SQLite store that SQLite itself can no longer read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from checkpoints.bodies.files import sync_folder, translated_errors
from checkpoints.bodies.frames import is_intact as frame_is_intact
from checkpoints.errors import PermanentStoreError
from checkpoints.records import Finding
from checkpoints.stores.entry_bytes import EntryName, damage_of
from checkpoints.stores.record_bytes import is_intact as record_is_intact
from checkpoints.stores.sql import mending
from checkpoints.stores.sql.rows import Db
from checkpoints.stores.sqlite.file import DamagedFile, SqliteFile
from checkpoints.stores.sqlite.pages import Pages, Row, Value

EVENTS = {"erased", "head_moved", "quarantined", "trashed", "untrashed"}


def salvage(path: Path, now: datetime, damage: PermanentStoreError) -> list[Finding]:
    """Put a new file with every row that proves whole in a damaged one's place.

    The damaged file is kept beside it. No other process may have the store open. Raises
    ``damage`` with nothing changed when no checkpoint at all can be made out, for then it is
    somebody else's file.
    """
    stamp = f"{now:%Y%m%dT%H%M%S}"
    fresh = path.with_name(f"{path.name}.salvaged-{stamp}")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    with translated_errors(path):
        pages = Pages(path)
        fresh.unlink(missing_ok=True)
    file = SqliteFile(fresh)
    try:
        with file.writing() as db:
            saved = _fill(db, pages.rows(), damage)
            mending.rebuild(db, now)
            findings = mending.quarantine(db, now)
        file.empty_log()
    except BaseException:
        file.close()
        fresh.unlink(missing_ok=True)
        raise
    with translated_errors(path):
        _exchange(path, fresh, aside)
    return [_report(saved, len(findings), aside), *findings]


def _fill(db: Db, rows: Iterable[Row], damage: PermanentStoreError) -> int:
    """Write what can be believed; return how many checkpoints. Raises ``damage`` for none.

    The new file keeps its own ``store_id``: where the newest rows are lost their positions are
    given again, and who follows the changes has to begin anew.
    """
    saved = 0
    for row in rows:
        table, values = _recognised(row)
        if table is not None:
            saved += _insert(db, table, values) * (table == "checkpoints")
    if not saved:
        raise damage
    return saved


def _recognised(row: Row) -> tuple[str | None, tuple[Value, ...]]:
    """Return the table that a row is one of, None for one that cannot be believed."""
    whole = (row.rowid, *row.values[1:])
    match row.values:
        case (None, str(name), int(), int() | None, int() | None, bytes(record), bytes(frame)):
            proven = record_is_intact(record, name) and frame_is_intact(frame)
            return ("checkpoints" if proven else None), whole
        case (None, str(agent_id), str(thread_id), int(), int(), bytes(head)):
            proven = not head or record_is_intact(head, agent_id, thread_id)
            return ("threads" if proven else None), whole
        case (None, str(), str(), str(), str(), str() | None, bytes()):
            return ("entries" if _is_entry(row.values) else None), whole
        case (None, str(name), int(), str() | None, str() | None, int()) if name in EVENTS:
            return "events", whole
        case (str(), str(), int()):
            return "pins", row.values
        case (str(), int(), bytes()):
            return "moves", row.values
    return None, ()


def _is_entry(values: Sequence[Any]) -> bool:
    _, agent_id, thread_id, kind, key, checkpoint_id, body = values
    return damage_of(EntryName(agent_id, thread_id, kind, key), checkpoint_id, body) is None


def _insert(db: Db, table: str, values: tuple[object, ...]) -> int:
    """Write a row unless one of its names is there already; return 1 if it was written."""
    marks = ", ".join("?" * len(values))
    sql = f"INSERT OR IGNORE INTO {table} VALUES ({marks}) RETURNING 1"
    return len(db.execute(sql, values).fetchall())


def _exchange(path: Path, fresh: Path, aside: Path) -> None:
    os.link(path, aside)
    for ending in ("-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + ending))
    fresh.replace(path)
    sync_folder(path.parent)


def _report(saved: int, lost: int, aside: Path) -> Finding:
    return Finding(
        kind="salvaged",
        message=f"the file was damaged: {saved - lost} checkpoints that prove whole were put into "
        f"a new file in its place; the damaged one is kept as {aside.name}",
    )


def require_sound(db: Db) -> None:
    """Raise DamagedFile when SQLite finds its file damaged."""
    (message,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if message != "ok":
        raise DamagedFile(f"the file is damaged: {message}")
