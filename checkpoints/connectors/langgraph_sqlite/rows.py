"""The rows of LangGraph's two tables, as values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from checkpoints.bodies.limits import MAX_BYTES
from checkpoints.connectors.langgraph.bodies import SENDS, version_in
from checkpoints.connectors.langgraph.deltas import COUNTERS
from checkpoints.connectors.langgraph.rows import (
    ROOT,
    CheckpointRow,
    Key,
    WriteRow,
    blob_of,
    text_of,
)
from checkpoints.connectors.sqlite_files.database import Database

_CHECKPOINT_COLUMNS = (
    "rowid, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type,"
    f" length(checkpoint), CASE WHEN length(checkpoint) <= {MAX_BYTES} THEN checkpoint END,"
    f" CASE WHEN length(metadata) <= {MAX_BYTES} THEN metadata END"
)
_METADATA_COLUMNS = (
    "thread_id, checkpoint_ns, checkpoint_id,"
    f" CASE WHEN length(metadata) <= {MAX_BYTES} THEN metadata END"
)
_WRITE_COLUMNS = (
    "rowid, thread_id, checkpoint_ns, checkpoint_id, task_id, {task_path}, idx, channel, type,"
    " length(value)"
)
_KEY = "thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
_FIRST = "thread_id = ? AND checkpoint_ns = '' ORDER BY checkpoint_id LIMIT 1"
_HEAD = "thread_id = ? AND checkpoint_ns = ? ORDER BY checkpoint_id DESC LIMIT 1"
_NEWEST_FIRST = "thread_id = ? AND checkpoint_ns = ? {until} ORDER BY checkpoint_id DESC"
_PARENTS = (
    "SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints"
    " WHERE thread_id = ? AND checkpoint_ns = ?"
)
_COUNTING = (
    "thread_id = ? AND checkpoint_ns = ?"
    f" AND instr(CAST(metadata AS TEXT), '{COUNTERS}') ORDER BY checkpoint_id"
)
_LINKS = (
    "SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id FROM checkpoints"
    " WHERE thread_id = ? ORDER BY checkpoint_ns, checkpoint_id"
)
_SUBGRAPHS = "thread_id = ? AND checkpoint_ns <> '' ORDER BY checkpoint_ns, checkpoint_id"
_SENT = f"SELECT 1 FROM writes WHERE {_KEY} AND channel = '{SENDS}' LIMIT 1"
_CALLED_AFTER = "thread_id = ? AND instr(checkpoint_ns, ':') AND checkpoint_id > ?"


class Rows:
    """Reads rows from an open file."""

    def __init__(self, database: Database, *, has_task_path: bool) -> None:
        self.database = database
        task_path = "task_path" if has_task_path else "''"
        self._write_columns = _WRITE_COLUMNS.format(task_path=task_path)

    @property
    def where(self) -> str:
        """The file, for errors."""
        return str(self.database.path)

    def thread_ids(self) -> list[str]:
        """Return the ids of all threads."""
        sql = "SELECT DISTINCT thread_id FROM checkpoints"
        return [text_of(thread_id) for (thread_id,) in self.database.rows(sql)]

    def namespaces(self, thread_id: str) -> list[str]:
        """Return the namespaces of a thread, in no order."""
        sql = "SELECT DISTINCT checkpoint_ns FROM checkpoints WHERE thread_id = ?"
        return [text_of(name) for (name,) in self.database.rows(sql, (thread_id,))]

    def count(self, thread_id: str, namespace: str | None = None) -> int:
        """Return how many checkpoints a thread has, in one namespace or in all."""
        sql, given = "SELECT count(*) FROM checkpoints WHERE thread_id = ?", [thread_id]
        if namespace is not None:
            sql, given = f"{sql} AND checkpoint_ns = ?", [thread_id, namespace]
        return next((int(count) for (count,) in self.database.rows(sql, given)), 0)

    def counts(self) -> dict[str, int]:
        """Return how many checkpoints each thread has."""
        sql = "SELECT thread_id, count(*) FROM checkpoints GROUP BY thread_id"
        return {text_of(thread_id): int(count) for thread_id, count in self.database.rows(sql)}

    def parents(self, thread_id: str, namespace: str) -> dict[str, str | None]:
        """Return the parent of each checkpoint of a namespace."""
        found = self.database.rows(_PARENTS, (thread_id, namespace))
        return {text_of(child): _optional_text(parent) for child, parent in found}

    def checkpoints(self, where: str, parameters: Sequence[Any] = ()) -> Iterator[CheckpointRow]:
        """Yield the checkpoint rows that a condition (with its order and limit) selects."""
        sql = f"SELECT {_CHECKPOINT_COLUMNS} FROM checkpoints WHERE {where}"
        return map(_checkpoint_row, self.database.rows(sql, parameters))

    def checkpoint(self, key: Key) -> CheckpointRow | None:
        """Return one checkpoint row."""
        return next(self.checkpoints(_KEY, _parameters(key)), None)

    def first(self, thread_id: str) -> CheckpointRow | None:
        """Return the oldest checkpoint of a thread outside subgraphs."""
        return next(self.checkpoints(_FIRST, (thread_id,)), None)

    def newest_first(
        self, thread_id: str, namespace: str, *, not_after: str | None = None
    ) -> Iterator[CheckpointRow]:
        """Yield the checkpoints of a namespace up to one of them, newest first."""
        until = "" if not_after is None else "AND checkpoint_id <= ?"
        given = [thread_id, namespace, *([] if not_after is None else [not_after])]
        return self.checkpoints(_NEWEST_FIRST.format(until=until), given)

    def counting_deltas(self, thread_id: str, namespace: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of the checkpoints that count writes to delta channels."""
        return self.metadata(_COUNTING, (thread_id, namespace))

    def called_after(self, thread_id: str, checkpoint_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of what subgraphs that begin anew wrote after a checkpoint."""
        return self.metadata(_CALLED_AFTER, (thread_id, checkpoint_id))

    def links(self, thread_id: str) -> Iterator[tuple[Key, str | None]]:
        """Yield all checkpoints of a thread with their parents, by namespace and id."""
        for namespace, name, parent in self.database.rows(_LINKS, (thread_id,)):
            yield Key(thread_id, text_of(namespace), text_of(name)), _optional_text(parent)

    def of_subgraphs(self, thread_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of what subgraphs wrote, by namespace and id."""
        return self.metadata(_SUBGRAPHS, (thread_id,))

    def newest_metadata(self, thread_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of all checkpoints of a thread, newest first."""
        return self.metadata("thread_id = ? ORDER BY checkpoint_id DESC", (thread_id,))

    def has_sends(self, key: Key) -> bool:
        """Say whether a task of this checkpoint sent anything to the next steps."""
        return any(self.database.rows(_SENT, _parameters(key)))

    def format_version(self, key: Key) -> int | None:
        """Return the version of a checkpoint's format; ``None`` where it is not told at once."""
        sql = f"SELECT type, substr(checkpoint, 1, 16) FROM checkpoints WHERE {_KEY}"
        found = self.database.rows(sql, _parameters(key))
        beginnings = ((_optional_text(kind), blob_of(data)) for kind, data in found)
        return version_in(*next(beginnings, (None, b"")))

    def metadata(self, where: str, parameters: Sequence[Any]) -> Iterator[tuple[Key, bytes]]:
        """Yield the keys and the metadata of checkpoints, without their bodies."""
        sql = f"SELECT {_METADATA_COLUMNS} FROM checkpoints WHERE {where}"
        for thread_id, namespace, name, metadata in self.database.rows(sql, parameters):
            yield Key(text_of(thread_id), text_of(namespace), text_of(name)), blob_of(metadata)

    def head(self, thread_id: str, namespace: str = ROOT) -> CheckpointRow | None:
        """Return the newest checkpoint of a namespace: what LangGraph resumes from."""
        return next(self.checkpoints(_HEAD, (thread_id, namespace)), None)

    def head_rowid(self, thread_id: str) -> int | None:
        """Return the number of a thread's head, ``None`` where it has none outside subgraphs."""
        found = self.database.rows(
            f"SELECT rowid FROM checkpoints WHERE {_HEAD}", (thread_id, ROOT)
        )
        return next((int(rowid) for (rowid,) in found), None)

    def writes(self, key: Key) -> list[WriteRow]:
        """Return what tasks wrote after this checkpoint, in the order of their tasks."""
        sql = f"SELECT {self._write_columns} FROM writes WHERE {_KEY} ORDER BY task_path, idx"
        if "task_path" not in self._write_columns:
            sql = sql.replace("task_path, idx", "task_id, idx")
        return [_write_row(row) for row in self.database.rows(sql, _parameters(key))]

    def write_value(self, write: WriteRow) -> bytes:
        """Return the stored bytes of one write; empty when they are past the limit."""
        sql = f"SELECT value FROM writes WHERE rowid = ? AND length(value) <= {MAX_BYTES}"
        return next(
            (blob_of(value) for (value,) in self.database.rows(sql, (write.rowid,))),
            b"",
        )


def _parameters(key: Key) -> tuple[str, str, str]:
    return key.thread_id, key.namespace, key.checkpoint_id


def _optional_text(value: Any) -> str | None:
    return None if value is None else text_of(value)


def _optional_blob(value: Any) -> bytes | None:
    return None if value is None else blob_of(value)


def _checkpoint_row(row: tuple[Any, ...]) -> CheckpointRow:
    (
        rowid,
        thread_id,
        namespace,
        checkpoint_id,
        parent_id,
        kind,
        size,
        body,
        metadata,
    ) = row
    return CheckpointRow(
        rowid=rowid,
        key=Key(text_of(thread_id), text_of(namespace), text_of(checkpoint_id)),
        parent_id=_optional_text(parent_id) or None,
        type=_optional_text(kind),
        size=size or 0,
        body=_optional_blob(body),
        metadata=_optional_blob(metadata),
    )


def _write_row(row: tuple[Any, ...]) -> WriteRow:
    (
        rowid,
        thread_id,
        namespace,
        checkpoint_id,
        task_id,
        path,
        index,
        channel,
        kind,
        size,
    ) = row
    return WriteRow(
        rowid=rowid,
        key=Key(text_of(thread_id), text_of(namespace), text_of(checkpoint_id)),
        task_id=text_of(task_id),
        task_path=text_of(path),
        index=index if isinstance(index, int) else 0,
        channel=text_of(channel),
        type=_optional_text(kind),
        size=size or 0,
    )
