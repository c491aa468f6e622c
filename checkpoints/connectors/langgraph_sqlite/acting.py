"""An open file as prunes and erasures of any of LangGraph's stores use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from checkpoints.connectors.langgraph_sqlite import schema
from checkpoints.connectors.langgraph_sqlite.exact import ExactRows
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PlanRefused


class WritableFile:
    """A file that is open for writing; who writes to it keeps all others out."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all reads inside see the same state."""
        return self.database.snapshot()

    def piecewise(self) -> AbstractContextManager[None]:
        """Let each read inside see the file as it is then: a snapshot would hold writers up."""
        return nullcontext()

    def writing(self, thread_id: str) -> AbstractContextManager[None]:
        """Keep other writers out of the file and commit at the end, or change nothing."""
        return self.database.writing()

    def rows(self) -> Rows:
        """Look at the tables anew. Raises PlanRefused where they must not be written to."""
        found = schema.inspect(self.database)
        if found.no_restore:
            raise PlanRefused(f"{found.no_restore}; nothing was changed")
        return Rows(self.database, has_task_path=found.has_task_path)

    def exact(self) -> ExactRows:
        """Return the rows as they lie there."""
        return ExactRows(self.database)


@contextmanager
def opened(path: Path) -> Iterator[WritableFile]:
    """Open a file for writing. Raises StoreError."""
    database = Database(path, writable=True)
    try:
        yield WritableFile(database)
    finally:
        database.close()
