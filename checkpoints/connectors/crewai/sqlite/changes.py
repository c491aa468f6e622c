"""What a file gained since a cursor.

SQLite numbers rows in the order of writing, so the cursor keeps the last number. A replaced file,
VACUUM, or a deleted newest row would number anew: the cursor also keeps the file's identity and
what stood at its place, and when either differs the listing begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from checkpoints.connectors.crewai.sqlite.rows import Rows
from checkpoints.records import Changes, Checkpoint, Thread

_NEW = "SELECT rowid FROM checkpoints WHERE rowid > ? ORDER BY rowid LIMIT ?"
_ID = "SELECT CAST(id AS TEXT) FROM checkpoints WHERE rowid = ?"
_WAITING = "SELECT count(*) FROM checkpoints WHERE rowid > ?"
_BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a file was read: the number of the last row, and the id that stood there."""

    file: str
    number: int = _BEFORE_ALL
    anchor: str = ""

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def changes(
    rows: Rows, text: str | None, *, limit: int, thread: Callable[[str], Thread | None]
) -> Changes:
    """Return up to ``limit`` rows that were written after a cursor."""
    cursor = _parse(text)
    start = cursor if cursor and _fits(rows, cursor) else Cursor(file=_file(rows))
    found = [number for (number,) in rows.database.rows(_NEW, (start.number, limit + 1))]
    records = _records(rows, found[:limit])
    touched = dict.fromkeys(record.thread_id for record in records)
    end = _at(rows, found[:limit][-1]) if records else start
    return Changes(
        cursor=str(end),
        checkpoints=records,
        threads=tuple(known for name in touched if (known := thread(name))),
        complete=len(found) <= limit,
        reset=text is not None and start is not cursor,
        remaining=_count(rows, end.number),
    )


def _records(rows: Rows, numbers: list[int]) -> tuple[Checkpoint, ...]:
    """Return the records of rows, each read by itself: bodies can be large."""
    agents: dict[str, str] = {}
    found: list[Checkpoint] = []
    for number in numbers:
        for row in rows.select("rowid = ?", (number,)):
            name = row.stored.branch
            agent = agents.get(name) or agents.setdefault(name, rows.agent(name))
            found.append(row.record(agent))
    return tuple(found)


def _parse(text: str | None) -> Cursor | None:
    try:
        values: dict[str, Any] = json.loads(text or "null")
        number = int(values["number"])
        return Cursor(file=str(values["file"]), number=number, anchor=str(values["anchor"]))
    except (ValueError, TypeError, KeyError):
        return None


def _fits(rows: Rows, cursor: Cursor) -> bool:
    in_range = -(2**63) <= cursor.number < 2**63
    return in_range and cursor == (
        Cursor(file=_file(rows)) if cursor.number == _BEFORE_ALL else _at(rows, cursor.number)
    )


def _at(rows: Rows, number: int) -> Cursor:
    anchor = next((str(name) for (name,) in rows.database.rows(_ID, (number,))), "")
    return Cursor(file=_file(rows), number=number, anchor=anchor)


def _count(rows: Rows, number: int) -> int:
    return next(int(count) for (count,) in rows.database.rows(_WAITING, (number,)))


def _file(rows: Rows) -> str:
    status = rows.database.path.stat()
    return f"{status.st_dev}:{status.st_ino}"
