"""A small file with what the restore of one checkpoint needs, on which it can be tried.

It has all checkpoints of the thread by name, parent and metadata, so that a plan comes out the
same; bodies and writes only of those that a restore or a look at its result reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checkpoints.connectors.langgraph.exact import TABLES
from checkpoints.connectors.langgraph.planning import Planner
from checkpoints.connectors.langgraph.rehearsals import read_whole
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key
from checkpoints.connectors.langgraph.skeleton import Skeleton
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_sqlite import copies
from checkpoints.connectors.langgraph_sqlite.exact import ExactRows
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PermanentStoreError

_NAMED = (
    "thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT NULL"
)
_CHECKPOINTS: Final = (
    f"CREATE TABLE checkpoints ({_NAMED}, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB,"
    " metadata BLOB, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));"
)
_WRITES: Final = (
    f"CREATE TABLE writes ({_NAMED}, task_id TEXT NOT NULL, {{task_path}}idx INTEGER NOT NULL,"
    " channel TEXT NOT NULL, type TEXT, value BLOB,"
    " PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));"
)
_TASK_PATH: Final = "task_path TEXT NOT NULL DEFAULT '', "
NAME_ONLY: Final = (
    "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,"
    " metadata) VALUES (?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The copying of one checkpoint out of a file."""

    rows: Rows
    threads: Threads
    row: CheckpointRow

    def write(self, path: Path, *, has_task_path: bool) -> None:
        """Write a new file. Raises CorruptCheckpoint, StoreError."""
        skeleton = Skeleton.read(self.rows, self.row.key.thread_id)
        planner = Planner(self.rows, self.threads, copies.require_copyable)
        whole = read_whole(self.rows, planner, self.row, skeleton)
        create(path, has_task_path=has_task_path)
        copy = Database(path, writable=True)
        try:
            with copy.writing():
                self._copy(ExactRows(copy), whole)
                self._name(copy, skeleton, whole)
        finally:
            copy.close()

    def _copy(self, copy: ExactRows, whole: Collection[Key]) -> None:
        exact = ExactRows(self.rows.database)
        for key in sorted(whole, key=lambda k: (k.checkpoint_id, k.namespace)):
            found = exact.of(key)
            for table in TABLES:
                wanted = copy.columns[table]
                places = [exact.columns[table].index(name) for name in wanted]
                for values in found[table]:
                    copy.insert(table, wanted, [values[place] for place in places])

    def _name(self, copy: Database, skeleton: Skeleton, whole: Collection[Key]) -> None:
        where = (self.row.key.thread_id,)
        for key, metadata in self.rows.metadata("thread_id = ?", where):
            if key not in whole:
                parent = skeleton.parents.get(key)
                names = (key.thread_id, key.namespace, key.checkpoint_id)
                above = parent.checkpoint_id if parent else None
                copy.execute(NAME_ONLY, (*names, above, metadata))


def create(path: Path, *, has_task_path: bool = True) -> None:
    """Create a file with LangGraph's tables that only this user may read.

    Raises PermanentStoreError.
    """
    script = _CHECKPOINTS + _WRITES.format(task_path=_TASK_PATH if has_task_path else "")
    try:
        path.touch(mode=0o600, exist_ok=False)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
    except (OSError, sqlite3.Error) as error:
        raise PermanentStoreError(f"{path} cannot be written: {error}") from error
