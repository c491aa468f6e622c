"""Everything that is wrong in a file, most of which CrewAI does not notice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from checkpoints.connectors.crewai.bodies import kind_of_damage
from checkpoints.connectors.crewai.lineages import missing_parents
from checkpoints.connectors.crewai.sqlite.rows import Row, Rows
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CorruptCheckpoint, PermanentStoreError
from checkpoints.records import Finding

_DOUBLED = "SELECT CAST(id AS TEXT), count(*) FROM checkpoints GROUP BY 1 HAVING count(*) > 1"
_LAST_NUMBER = 2**63 - 1


def verify(rows: Rows, now: datetime) -> Iterator[Finding]:
    """Yield damaged pages and bodies, ids that are doubled, odd or ahead, parents that are gone."""
    try:
        yield from _pages(rows.database)
        for row in rows.select("TRUE ORDER BY rowid"):
            yield from _findings(row, now)
        for name, count in rows.database.rows(_DOUBLED):
            message = f"{count} rows have the id {name}; CrewAI loads the first of them"
            yield Finding(kind="duplicate_id", message=message, checkpoint_id=name)
        yield from missing_parents(rows.links())
    except PermanentStoreError as error:
        yield Finding(kind="damaged_file", message=str(error))


def _pages(database: Database) -> Iterator[Finding]:
    for (message,) in database.rows("PRAGMA quick_check(20)"):
        if message != "ok":
            yield Finding(kind="damaged_file", message=f"SQLite reports: {message}")


def _findings(row: Row, now: datetime) -> Iterator[Finding]:
    try:
        state = row.decode()
    except CorruptCheckpoint as error:
        kind = kind_of_damage(row.body) if row.body else "undecodable"
        yield _finding(kind, f"{error}; CrewAI cannot resume from it", row)
        return
    if "entities" not in state:
        yield _finding("undecodable", "it holds no entities; CrewAI cannot resume from it", row)
    inside = state.get("branch", "main")
    if inside != row.stored.branch:
        message = f"inside it says that its branch is {inside!r}: a run from it saves there"
        yield _finding("wrong_id", message, row)
    if row.record("").created_at > now:
        message = "its time lies ahead; CrewAI goes by the order of rows and takes no notice"
        yield _finding("future_id", message, row)
    if row.number == _LAST_NUMBER:
        message = "its row has the last number there is: rows written later do not count as newer"
        yield _finding("future_id", message, row)


def _finding(kind: str, message: str, row: Row) -> Finding:
    return Finding(kind=kind, message=message, checkpoint_id=row.id, thread_id=row.stored.branch)
