"""What a file gained since a cursor.

SQLite numbers the rows of both tables in the order of writing, so the cursor keeps the last
number of each. A replaced file or VACUUM renumbers them: the cursor also keeps the file's identity
and what stood at its place, and when either differs the listing begins anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from checkpoints.connectors.langgraph.records import gather, record_of
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.records import Changes, Checkpoint, Thread

_ANCHORS = {
    "checkpoints": "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints"
    " WHERE rowid = ?",
    "writes": "SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx FROM writes"
    " WHERE rowid = ?",
}
_TOUCHED = (
    "SELECT max(rowid), thread_id, checkpoint_ns, checkpoint_id FROM writes"
    " WHERE rowid > ? GROUP BY thread_id, checkpoint_ns, checkpoint_id ORDER BY 1 LIMIT ?"
)
_NEW = "SELECT rowid FROM checkpoints WHERE rowid > ? ORDER BY rowid LIMIT ?"
_WITHIN = "SELECT rowid FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ?"
_OWN = f"{_WITHIN} AND checkpoint_id = ?"
_CHILDREN = f"{_WITHIN} AND parent_checkpoint_id = ?"


@dataclass(frozen=True, slots=True)
class Place:
    """How far one table was read, and a digest of the row that stood there."""

    rowid: int = 0
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a file was read."""

    file: str
    checkpoints: Place
    writes: Place

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def _parse(text: str | None) -> Cursor | None:
    """Read a cursor back; ``None`` when it is none of ours."""
    try:
        values = json.loads(text or "null")
        places = {name: Place(**values[name]) for name in _ANCHORS}
        return Cursor(file=values["file"], **places)
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True, slots=True)
class Scanner:
    """Lists what was written to a file after a cursor."""

    rows: Rows
    threads: Threads

    def changes(self, text: str | None, *, limit: int, now: datetime) -> Changes:
        """Return up to ``limit`` new checkpoints, and those that new writes say more about."""
        cursor = self._still_valid(_parse(text))
        reset = text is not None and cursor is None
        start = cursor or Cursor(
            file=self._file(),
            checkpoints=Place(),
            writes=self._place("writes", self._last("writes")),
        )
        new = self._after(start.checkpoints.rowid, limit + 1)
        complete, page = len(new) <= limit, new[:limit]
        end = self._advanced(start, page)
        touched: list[int] = []
        if complete:
            touched, end = self._touched(end, limit)
            complete = len(touched) < limit
        agents: dict[str, str] = {}
        records = tuple(self._records([*page, *touched], agents))
        return Changes(
            cursor=str(end),
            checkpoints=records,
            threads=tuple(self._views(agents, end.checkpoints.rowid, now)),
            complete=complete,
            reset=reset,
            remaining=self._last("checkpoints") - end.checkpoints.rowid,
        )

    def _beginning(self) -> Cursor:
        """Return the cursor of who has read nothing: what was written says nothing more then."""
        last = self._place("writes", self._last("writes"))
        return Cursor(file=self._file(), checkpoints=Place(), writes=last)

    def _records(self, rowids: list[int], agents: dict[str, str]) -> Iterator[Checkpoint]:
        """Yield the records of rows, each read by itself: bodies can be large.

        The agents of their threads are noted in ``agents``.
        """
        for rowid in dict.fromkeys(rowids):
            for row in self.rows.checkpoints("rowid = ?", (rowid,)):
                name = row.key.thread_id
                agent_id = agents.get(name) or agents.setdefault(name, self.threads.agent(name))
                yield record_of(gather(self.rows, row), agent_id)

    def _views(self, agents: Mapping[str, str], last: int, now: datetime) -> Iterator[Thread]:
        """Yield how threads stand whose heads were told, ``last`` being the newest row that was.

        Of others the same would be read with each page, until their heads come.
        """
        for name, agent_id in agents.items():
            head = self.rows.head_rowid(name)
            if head is None or head <= last:
                yield self.threads.read(name, now, agent_id=agent_id)

    def _after(self, rowid: int, limit: int) -> list[int]:
        return [number for (number,) in self.rows.database.rows(_NEW, (rowid, limit))]

    def _advanced(self, cursor: Cursor, page: list[int]) -> Cursor:
        if not page:
            return cursor
        return replace(cursor, checkpoints=self._place("checkpoints", page[-1]))

    def _touched(self, cursor: Cursor, limit: int) -> tuple[list[int], Cursor]:
        """Return the checkpoints that new writes belong to, and those that followed from them."""
        found = list(self.rows.database.rows(_TOUCHED, (cursor.writes.rowid, limit)))
        rowids = [rowid for row in found for rowid in self._with_children(row[1:])]
        if found:
            cursor = replace(cursor, writes=self._place("writes", found[-1][0]))
        return rowids, cursor

    def _with_children(self, key: tuple[Any, ...]) -> list[int]:
        database = self.rows.database
        return [rowid for sql in (_OWN, _CHILDREN) for (rowid,) in database.rows(sql, key)]

    def _still_valid(self, cursor: Cursor | None) -> Cursor | None:
        if cursor is None or cursor.file != self._file():
            return None
        places = {"checkpoints": cursor.checkpoints, "writes": cursor.writes}
        same = all(self._place(table, place.rowid) == place for table, place in places.items())
        return cursor if same else None

    def _place(self, table: str, rowid: int) -> Place:
        row: tuple[Any, ...] = next(self.rows.database.rows(_ANCHORS[table], (rowid,)), ())
        return Place(rowid, hashlib.sha256(repr(row).encode()).hexdigest()[:16] if row else "")

    def _last(self, table: str) -> int:
        rows = self.rows.database.rows(f"SELECT max(rowid) FROM {table}")
        return next((last or 0 for (last,) in rows), 0)

    def _file(self) -> str:
        status = self.rows.database.path.stat()
        return f"{status.st_dev}:{status.st_ino}"
