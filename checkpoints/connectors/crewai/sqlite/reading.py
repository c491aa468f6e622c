"""The SQLite file that CrewAI's SqliteProvider writes, as Holdfast reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from checkpoints.connectors.crewai.lineages import thread_of
from checkpoints.connectors.crewai.sqlite import changes as listing
from checkpoints.connectors.crewai.sqlite import measuring, schema
from checkpoints.connectors.crewai.sqlite.rows import Branch, Row, Rows
from checkpoints.connectors.crewai.sqlite.verify import verify
from checkpoints.connectors.crewai.sqlite.writing import describe
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint, PlanRefused, StoreError
from checkpoints.measures import FieldSize, Space
from checkpoints.records import Capabilities, Changes, Checkpoint, Finding, Head, Thread

_ACTS = ("restore", "fork", "edit", "prune", "erase")


class CrewAISqliteReading:
    """Lists and reads the checkpoints in a SQLite file of CrewAI's; its branches are threads."""

    def __init__(
        self, path: Path, *, url: str | None, agent: str | None, clock: Callable[[], datetime]
    ) -> None:
        self.path = path
        self.url = url or f"crewai:///{path}"
        self.clock = clock
        self._database, self._schema = _opened(path)
        self._rows = Rows(self._database, agent or path.stem, is_named=agent is not None)

    @property
    def capabilities(self) -> Capabilities:
        """What can be done with this file, with the reason for each thing that cannot."""
        reason = self._schema.no_writing
        if reason:
            return Capabilities(reasons=dict.fromkeys(_ACTS, reason))
        return Capabilities(restore=True, fork=True, edit=True, prune=True, erase=True)

    def threads(self) -> Iterator[Thread]:
        """Yield every branch, most recently written first."""
        with self._database.snapshot():
            found = [self._thread(branch) for branch in self._rows.branches()]
        yield from (thread for thread in found if thread)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a branch's checkpoints, newest first."""
        with self._database.snapshot():
            agent = self._agent(agent_id, thread_id)
            where = "branch = ? ORDER BY rowid DESC LIMIT ?"
            rows = self._rows.select(where, (thread_id, -1 if limit is None else limit))
            return [row.record(agent) for row in rows]

    def get(
        self, checkpoint_id: str, *, thread_id: str | None = None, namespace: str | None = None
    ) -> Checkpoint:
        """Return one record. Raises CheckpointNotFound."""
        with self._database.snapshot():
            row = self._one(checkpoint_id, thread_id, namespace)
            return row.record(self._rows.agent(row.stored.branch))

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return the state. Raises CorruptCheckpoint when it changed since it was listed."""
        return self._unaltered(checkpoint).decode()

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are: JSONB, or JSON text."""
        row = self._one(checkpoint.id, checkpoint.thread_id, None)
        return row.body.data if row.body else b""

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what a run of this branch goes on from: its newest row."""
        with self._database.snapshot():
            branch, row = self._rows.branch(thread_id), self._rows.head(thread_id)
            if branch is None or row is None:
                return None
            head = describe(self._rows, row, branch.count)
            return head if agent_id in (None, head.agent_id) else None

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after a cursor."""
        with self._database.explained(), self._database.snapshot():
            return listing.changes(self._rows, cursor, limit=limit, thread=self._thread_named)

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        return verify(self._rows, self.clock())

    def field_sizes(self, agent_id: str | None, thread_id: str) -> Iterator[FieldSize]:
        """Yield what each field of a branch's states takes up, largest first."""
        with self._database.snapshot():
            self._agent(agent_id, thread_id)
            found = list(measuring.field_sizes(self._rows, thread_id))
        yield from found

    def space(self) -> Space:
        """Return what the file takes up, with its log."""
        return measuring.space_of(self._rows)

    def counts(self) -> dict[str, int]:
        """Return how many checkpoints each branch has."""
        return {branch.name: branch.count for branch in self._rows.branches()}

    def names(self, thread_id: str) -> set[tuple[str, str]]:
        """Return the namespace and id of every checkpoint of a branch."""
        return {("", name) for name in self._rows.ids(thread_id)}

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _require(self, act: str) -> None:
        if self._schema.no_writing:
            raise PlanRefused(f"{self._schema.no_writing}; nothing was {act}")

    def _thread_named(self, name: str) -> Thread | None:
        branch = self._rows.branch(name)
        return self._thread(branch) if branch else None

    def _thread(self, branch: Branch) -> Thread | None:
        row = next(self._rows.select("rowid = ?", (branch.newest,)), None)
        if row is None:
            return None
        return thread_of(row.record(self._rows.agent(branch.name)), branch.count, self.clock())

    def _agent(self, agent_id: str | None, thread_id: str) -> str:
        agent = self._rows.agent(thread_id)
        if agent_id not in (None, agent) or self._rows.branch(thread_id) is None:
            raise CheckpointNotFound(f"{self.path} has no branch {thread_id!r} of this agent")
        return agent

    def _one(self, checkpoint_id: str, thread_id: str | None, namespace: str | None) -> Row:
        row = self._rows.find(checkpoint_id)
        fits = row is not None and thread_id in (None, row.stored.branch)
        if row is None or not fits or namespace not in (None, ""):
            raise CheckpointNotFound(f"{self.path} has no checkpoint {checkpoint_id!r}")
        return row

    def _unaltered(self, checkpoint: Checkpoint) -> Row:
        row = self._one(checkpoint.id, checkpoint.thread_id, None)
        if checkpoint.sha256 not in (None, row.stored.sha256):
            raise CorruptCheckpoint(
                f"{checkpoint.id} is not what it was when it was listed: its content changed",
                checkpoint_id=checkpoint.id,
            )
        return row


def _opened(path: Path) -> tuple[Database, schema.Schema]:
    database = Database(path)
    try:
        return database, schema.inspect(database)
    except StoreError:
        database.close()
        raise
