"""The part of the store that says what takes up its space."""

from __future__ import annotations

from collections.abc import Iterator

from checkpoints.connectors.langgraph_postgresql import measuring, schema
from checkpoints.connectors.langgraph_postgresql.database import Database
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.measures import FieldSize, Space


class DatabaseTelling:
    """Measures the tables."""

    _database: Database

    def _agent(self, agent_id: str | None, thread_id: str) -> str:
        """Return the agent of a thread. Raises CheckpointNotFound when it is another."""
        raise NotImplementedError

    def field_sizes(self, agent_id: str | None, thread_id: str) -> Iterator[FieldSize]:
        """Yield what each channel takes, by the node that wrote it, largest first."""
        self._agent(agent_id, thread_id)
        with self._database.snapshot() as session:
            found = schema.inspect(session, self._database.schema)
            rows = Rows(session, has_task_path=found.has_task_path, digests=False)
            sizes = measuring.field_sizes(rows, thread_id)
        yield from sizes

    def space(self) -> Space:
        """Return what LangGraph's tables take with their indexes."""
        return measuring.space_of(self._database)
