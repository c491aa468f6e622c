"""The rows of a file, newest by their number: in that order CrewAI looks for what to resume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from checkpoints.connectors.crewai.bodies import MAX_BYTES, Body
from checkpoints.connectors.crewai.names import time_of
from checkpoints.connectors.crewai.states import (
    UNKNOWN_TIME,
    Stored,
    agent_name,
    damaged_record,
    record_of,
)
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint

_DATA = "CAST(data AS BLOB)"
_SELECT = (
    "SELECT rowid, CAST(id AS TEXT), CAST(created_at AS TEXT), CAST(parent_id AS TEXT),"
    f" CAST(branch AS TEXT), typeof(data), length({_DATA}),"
    f" CASE WHEN length({_DATA}) <= {MAX_BYTES} THEN {_DATA} END FROM checkpoints"
)
_BRANCHES = (
    "SELECT CAST(branch AS TEXT), count(*), max(rowid) FROM checkpoints GROUP BY 1 ORDER BY 3 DESC"
)
_LINKS = "SELECT CAST(id AS TEXT), CAST(parent_id AS TEXT), CAST(branch AS TEXT) FROM checkpoints"
_IDS = "SELECT CAST(id AS TEXT) FROM checkpoints WHERE branch = ? AND rowid > ? ORDER BY rowid DESC"
_FIRST_FEW = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row. ``body`` is None when it is too large to be read."""

    number: int
    stored: Stored
    body: Body | None

    @property
    def id(self) -> str:
        """The checkpoint's id."""
        return self.stored.id

    def decode(self) -> dict[str, Any]:
        """Return the whole state. Raises CorruptCheckpoint."""
        return self._body().decode()

    def outline(self) -> dict[str, Any]:
        """Return the state without its record of events. Raises CorruptCheckpoint."""
        return self._body().outline()

    def record(self, agent_id: str) -> Checkpoint:
        """Return the record; its damage says why the state cannot be read."""
        try:
            return record_of(self.stored, agent_id, self.outline())
        except CorruptCheckpoint as error:
            return damaged_record(self.stored, agent_id, str(error))

    def _body(self) -> Body:
        if self.body is None:
            raise CorruptCheckpoint(
                f"the body has {self.stored.size:,} bytes; bodies over {MAX_BYTES:,} bytes are "
                "not read",
                checkpoint_id=self.id,
            )
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch as it stands: how many checkpoints it has, and the number of its newest."""

    name: str
    count: int
    newest: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Reads rows. ``agent_name`` names agents without a name, or all of them if ``is_named``."""

    database: Database
    agent_name: str
    is_named: bool = False

    def over(self, database: Database) -> Rows:
        """Return the same over another connection."""
        return Rows(database, self.agent_name, self.is_named)

    def select(self, where: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield the rows that fit."""
        for found in self.database.rows(f"{_SELECT} WHERE {where}", parameters):
            yield _row(found)

    def find(self, checkpoint_id: str) -> Row | None:
        """Return a checkpoint's row."""
        return next(self.select("id = ? LIMIT 1", (checkpoint_id,)), None)

    def head(self, branch: str) -> Row | None:
        """Return a branch's newest row."""
        return next(self.select("branch = ? ORDER BY rowid DESC LIMIT 1", (branch,)), None)

    def branches(self) -> list[Branch]:
        """Return every branch, the one first that was written to last."""
        found = self.database.rows(_BRANCHES)
        return [Branch(name=str(name), count=count, newest=last) for name, count, last in found]

    def branch(self, name: str) -> Branch | None:
        """Return one branch."""
        return next((branch for branch in self.branches() if branch.name == name), None)

    def ids(self, branch: str, *, after: int = -(2**63)) -> list[str]:
        """Return the ids of a branch's rows behind a number, newest first, without bodies."""
        return [str(name) for (name,) in self.database.rows(_IDS, (branch, after))]

    def links(self) -> list[tuple[str, str | None, str]]:
        """Return the id, the parent and the branch of every row, without bodies."""
        return [(str(i), p, str(b)) for i, p, b in self.database.rows(_LINKS)]

    def agent(self, branch: str) -> str:
        """Return the name of the flow or crew that a branch's oldest checkpoint is of."""
        if self.is_named:
            return self.agent_name
        for row in self.select(f"branch = ? ORDER BY rowid LIMIT {_FIRST_FEW}", (branch,)):
            try:
                return agent_name(row.outline()) or self.agent_name
            except CorruptCheckpoint:
                continue
        return self.agent_name


def _row(found: tuple[Any, ...]) -> Row:
    number, checkpoint_id, created_at, parent_id, branch, kind, size, data = found
    body = None
    if data is not None or not size:
        body = Body(data=bytes(data or b""), is_jsonb=kind == "blob")
    stored = Stored(
        id=checkpoint_id or "",
        branch=branch or "",
        parent_id=parent_id,
        size=size or 0,
        sha256=body.sha256 if body else None,
        fallback_time=time_of(created_at or "") or UNKNOWN_TIME,
    )
    return Row(number=number, stored=stored, body=body)
