"""A SQLite file of LangGraph's form with what the restore of one checkpoint needs.

There the values of a checkpoint lie together in its body; what is restored, and what a plan says,
comes out the same. So a restore is tried without another database and without writing to this one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkpoints.bodies.limits import check_json
from checkpoints.connectors import inert
from checkpoints.connectors.langgraph.bodies import EMPTY
from checkpoints.connectors.langgraph.rehearsals import read_whole
from checkpoints.connectors.langgraph.rows import Blob, CheckpointRow, Key
from checkpoints.connectors.langgraph.skeleton import Skeleton
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_postgresql.forking import planner_of
from checkpoints.connectors.langgraph_postgresql.pruning import PruningRows
from checkpoints.connectors.langgraph_sqlite.rehearsing import NAME_ONLY, create
from checkpoints.connectors.langgraph_sqlite.restoring import INSERT
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CorruptCheckpoint

_WRITE = (
    "INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx,"
    " channel, type, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The copying of one checkpoint out of a database. ``rows`` are light ones."""

    rows: PruningRows
    threads: Threads
    row: CheckpointRow

    def write(self, path: Path) -> None:
        """Write a new file. Raises CorruptCheckpoint, StoreError."""
        skeleton = Skeleton.read(self.rows, self.row.key.thread_id)
        planner = planner_of(self.rows, self.threads)
        whole = read_whole(self.rows, planner, self.row, skeleton)
        create(path)
        copy = Database(path, writable=True)
        try:
            with copy.writing():
                self._copy(copy, whole)
                self._name(copy, skeleton, whole)
        finally:
            copy.close()

    def _copy(self, copy: Database, whole: Collection[Key]) -> None:
        for key in sorted(whole, key=lambda k: (k.checkpoint_id, k.namespace)):
            row = self.rows.checkpoint(key)
            if row is None:
                continue
            names = (key.thread_id, key.namespace, key.checkpoint_id)
            body = body_of(self.rows.filled(row))
            copy.execute(INSERT, (*names, row.parent_id, "msgpack", body, row.metadata))
            for write in self.rows.writes(key):
                task = (write.task_id, write.task_path, write.index, write.channel, write.type)
                copy.execute(_WRITE, (*names, *task, self.rows.write_value(write)))

    def _name(self, copy: Database, skeleton: Skeleton, whole: Collection[Key]) -> None:
        for key, metadata in self.rows.newest_metadata(self.row.key.thread_id):
            if key not in whole:
                parent = skeleton.parents.get(key)
                names = (key.thread_id, key.namespace, key.checkpoint_id)
                above = parent.checkpoint_id if parent else None
                copy.execute(NAME_ONLY, (*names, above, metadata))


def body_of(row: CheckpointRow) -> bytes:
    """Return a body with all values in it, as LangGraph keeps it in SQLite.

    ``row`` has all its values. What only the agent's code can read becomes its description.
    Raises CorruptCheckpoint.
    """
    check_json(row.body or b"")
    try:
        content: dict[str, Any] = json.loads(row.body or b"")
        values = dict(content["channel_values"])
        for channel, blob in row.blobs.items():
            values.pop(channel, None)
            if blob.type != EMPTY:
                values[channel] = _value(blob)
        return inert.repack({**content, "channel_values": values})
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorruptCheckpoint(
            f"{row.key.checkpoint_id} cannot be copied: {error}",
            checkpoint_id=row.key.checkpoint_id,
        ) from error


def _value(blob: Blob) -> Any:
    data = blob.data or b""
    if blob.type == "msgpack":
        return inert.unpack_for_rewriting(data)
    return inert.decode_typed(blob.type, data)
