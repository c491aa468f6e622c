"""An open database as prunes and erasures of any of LangGraph's stores use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from checkpoints.connectors.langgraph_postgresql import schema
from checkpoints.connectors.langgraph_postgresql.database import Database, Session
from checkpoints.connectors.langgraph_postgresql.exact import ExactRows
from checkpoints.connectors.langgraph_postgresql.pruning import PruningRows
from checkpoints.errors import PlanRefused


class WritableDatabase:
    """A database in which one transaction after another is opened."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Session | None = None

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all reads inside see the same state."""
        return self._within(self._database.snapshot())

    def piecewise(self) -> AbstractContextManager[None]:
        """Let all reads inside see the same state: that holds nobody up here."""
        return self.snapshot()

    def writing(self, thread_id: str) -> AbstractContextManager[None]:
        """Keep other operations off a thread and commit at the end, or change nothing."""
        return self._within(self._database.writing(thread_id))

    def rows(self) -> PruningRows:
        """Look at the tables anew. Raises PlanRefused where they must not be written to."""
        session = self._open()
        found = schema.inspect(session, self._database.schema)
        if found.no_removal:
            raise PlanRefused(f"{found.no_removal}; nothing was changed")
        return PruningRows(session, has_task_path=found.has_task_path)

    def exact(self) -> ExactRows:
        """Return the rows as they lie there."""
        return ExactRows(self._open())

    def _open(self) -> Session:
        if self._session is None:
            raise RuntimeError("no transaction is open")
        return self._session

    @contextmanager
    def _within(self, transaction: AbstractContextManager[Session]) -> Iterator[None]:
        with transaction as session:
            self._session = session
            try:
                yield
            finally:
                self._session = None
