"""Reading the rows of LangGraph's tables.

A body holds primitive values itself; each other value lies in ``checkpoint_blobs`` under its
channel and version, and checkpoints share it as long as it does not change.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from checkpoints.bodies.limits import MAX_BYTES, check_json
from checkpoints.connectors.langgraph.bodies import SENDS
from checkpoints.connectors.langgraph.deltas import COUNTERS
from checkpoints.connectors.langgraph.rows import ROOT, Blob, CheckpointRow, Key, WriteRow
from checkpoints.connectors.langgraph_postgresql.database import ROWS_AT_ONCE, Session
from checkpoints.errors import CorruptCheckpoint

REMEMBERED = 20_000
"""Blobs whose size and digest are remembered within a snapshot."""
SMALL = 4_096
"""Bytes of a value that is remembered with them."""

_OF_THE_RUN = ("__start__", SENDS, "join:", "branch:to:")
"""What the channels begin with whose values say what runs next."""
_LIMITED = "CASE WHEN octet_length({name}) <= {limit} THEN {name} END"
_CHECKPOINT_COLUMNS = (
    "thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, octet_length(body), "
    + ", ".join(_LIMITED.format(name=name, limit=MAX_BYTES) for name in ("body", "meta"))
)
_CHECKPOINTS = (
    "SELECT {columns} FROM checkpoints c CROSS JOIN LATERAL"
    " (SELECT c.checkpoint::text AS body, c.metadata::text AS meta OFFSET 0) t WHERE {where}"
)
_METADATA = (
    "SELECT thread_id, checkpoint_ns, checkpoint_id, "
    + _LIMITED.format(name="metadata::text", limit=MAX_BYTES)
    + " FROM checkpoints WHERE {where}"
)
_WRITE_COLUMNS = (
    "thread_id, checkpoint_ns, checkpoint_id, task_id, {task_path}, idx, channel, type,"
    " octet_length(blob)"
)
_BLOBS = (
    "SELECT channel, version, type, coalesce(octet_length(blob), 0), {digest},"
    " CASE WHEN coalesce(octet_length(blob), 0) <= %s AND (%s OR channel ^@ ANY (%s))"
    " THEN coalesce(blob, '') END"
    ", thread_id, checkpoint_ns"
    " FROM checkpoint_blobs WHERE (thread_id, checkpoint_ns, channel, version) IN"
    " (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]))"
)
_DIGEST = "encode(sha256(coalesce(blob, '')), 'hex')"
_ANY_KEY = (
    "(thread_id, checkpoint_ns, checkpoint_id) IN"
    " (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))"
)
_KEY = "thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s"
_FIRST = "thread_id = %s AND checkpoint_ns = '' ORDER BY checkpoint_id LIMIT 1"
_NEWEST_FIRST = "thread_id = %s AND checkpoint_ns = %s {until} ORDER BY checkpoint_id DESC"
_PARENTS = (
    "SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints"
    " WHERE thread_id = %s AND checkpoint_ns = %s"
)
_COUNTING = (
    f"thread_id = %s AND checkpoint_ns = %s AND metadata -> '{COUNTERS}' IS NOT NULL"
    " ORDER BY checkpoint_id"
)
_CALLED_AFTER = "thread_id = %s AND strpos(checkpoint_ns, ':') > 0 AND checkpoint_id > %s"


class Name(NamedTuple):
    """What names a blob."""

    thread_id: str
    namespace: str
    channel: str
    version: str


class Rows:
    """Reads rows within one snapshot.

    Rows come with the values that say what runs next, ``whole`` with all of them. Without
    ``digests`` those of the blobs are left out, and rows are only good to be shown. With ``ahead``
    what tasks wrote is read together for several rows, which is right within a snapshot only.
    """

    def __init__(
        self,
        session: Session,
        *,
        has_task_path: bool,
        whole: bool = False,
        digests: bool = True,
        ahead: bool = False,
    ) -> None:
        self.session = session
        self.has_task_path = has_task_path
        self._whole = whole
        self._ahead = ahead
        self._written: dict[Key, list[WriteRow]] = {}
        self._blobs_sql = _BLOBS.format(digest=_DIGEST if digests else "''")
        task_path = "task_path" if has_task_path else "''"
        self._write_columns = _WRITE_COLUMNS.format(task_path=task_path)
        self._order = "task_path, task_id, idx" if has_task_path else "task_id, idx"
        self._known: OrderedDict[Name, Blob | None] = OrderedDict()

    @property
    def where(self) -> str:
        """The database, for errors."""
        return self.session.where

    def thread_ids(self) -> list[str]:
        """Return the ids of all threads."""
        return [name for (name,) in self.session.few("SELECT DISTINCT thread_id FROM checkpoints")]

    def namespaces(self, thread_id: str) -> list[str]:
        """Return the namespaces of a thread, in no order."""
        sql = "SELECT DISTINCT checkpoint_ns FROM checkpoints WHERE thread_id = %s"
        return [name for (name,) in self.session.few(sql, (thread_id,))]

    def count(self, thread_id: str, namespace: str | None = None) -> int:
        """Return how many checkpoints a thread has, in one namespace or in all."""
        sql, given = "SELECT count(*) FROM checkpoints WHERE thread_id = %s", [thread_id]
        if namespace is not None:
            sql, given = f"{sql} AND checkpoint_ns = %s", [thread_id, namespace]
        return next((int(count) for (count,) in self.session.few(sql, given)), 0)

    def counts(self) -> dict[str, int]:
        """Return how many checkpoints each thread has."""
        sql = "SELECT thread_id, count(*) FROM checkpoints GROUP BY thread_id"
        return {thread_id: int(count) for thread_id, count in self.session.few(sql)}

    def parents(self, thread_id: str, namespace: str) -> dict[str, str | None]:
        """Return the parent of each checkpoint of a namespace."""
        return dict(self.session.few(_PARENTS, (thread_id, namespace)))

    def checkpoints(self, where: str, parameters: Sequence[Any] = ()) -> Iterator[CheckpointRow]:
        """Yield the checkpoint rows that a condition (with its order and limit) selects."""
        sql = _CHECKPOINTS.format(columns=_CHECKPOINT_COLUMNS, where=where)
        found = self.session.rows(sql, parameters)
        while portion := [_checkpoint_row(row) for row in islice(found, ROWS_AT_ONCE)]:
            yield from self._surrounded(portion)

    def of_keys(self, keys: Sequence[Key]) -> Iterator[CheckpointRow]:
        """Yield the checkpoint rows of keys in their order; those that are gone are left out."""
        sql = _CHECKPOINTS.format(columns=_CHECKPOINT_COLUMNS, where=_ANY_KEY)
        for place in range(0, len(keys), ROWS_AT_ONCE):
            wanted = keys[place : place + ROWS_AT_ONCE]
            found = map(_checkpoint_row, self.session.few(sql, _columns(map(values_of, wanted), 3)))
            by_key = {row.key: row for row in found}
            yield from self._surrounded([by_key[key] for key in wanted if key in by_key])

    def checkpoint(self, key: Key) -> CheckpointRow | None:
        """Return one checkpoint row."""
        return self._one(_KEY, values_of(key))

    def first(self, thread_id: str) -> CheckpointRow | None:
        """Return the oldest checkpoint of a thread outside subgraphs."""
        return self._one(_FIRST, (thread_id,))

    def head(self, thread_id: str, namespace: str = ROOT) -> CheckpointRow | None:
        """Return the newest checkpoint of a namespace: what LangGraph resumes from."""
        where = _NEWEST_FIRST.format(until="") + " LIMIT 1"
        return self._one(where, (thread_id, namespace))

    def newest_first(
        self, thread_id: str, namespace: str, *, not_after: str | None = None
    ) -> Iterator[CheckpointRow]:
        """Yield the checkpoints of a namespace up to one of them, newest first."""
        until = "" if not_after is None else "AND checkpoint_id <= %s"
        given = [thread_id, namespace, *([] if not_after is None else [not_after])]
        return self.checkpoints(_NEWEST_FIRST.format(until=until), given)

    def metadata(self, where: str, parameters: Sequence[Any]) -> Iterator[tuple[Key, bytes]]:
        """Yield the keys and the metadata of checkpoints, without their bodies."""
        for *names, text in self.session.rows(_METADATA.format(where=where), parameters):
            yield Key(*names), (text or "").encode()

    def counting_deltas(self, thread_id: str, namespace: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of the checkpoints that count writes to delta channels."""
        return self.metadata(_COUNTING, (thread_id, namespace))

    def called_after(self, thread_id: str, checkpoint_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of what subgraphs that begin anew wrote after a checkpoint."""
        return self.metadata(_CALLED_AFTER, (thread_id, checkpoint_id))

    def writes(self, key: Key) -> list[WriteRow]:
        """Return what tasks wrote after this checkpoint, in the order of their tasks."""
        if key in self._written:
            return self._written[key]
        sql = f"SELECT {self._write_columns} FROM checkpoint_writes WHERE {_KEY}"
        found = self.session.few(f"{sql} ORDER BY {self._order}", values_of(key))
        return list(map(_write_row, found))

    def write_value(self, write: WriteRow) -> bytes:
        """Return the stored bytes of one write; empty when they are past the limit."""
        sql = (
            f"SELECT blob FROM checkpoint_writes WHERE {_KEY} AND task_id = %s AND idx = %s"
            f" AND octet_length(blob) <= {MAX_BYTES}"
        )
        given = (*values_of(write.key), write.task_id, write.index)
        return next((bytes(blob) for (blob,) in self.session.few(sql, given)), b"")

    def filled(self, row: CheckpointRow) -> CheckpointRow:
        """Return a row with all values that are kept apart. Raises CorruptCheckpoint.

        They are held in memory together, so there is a limit to their size.
        """
        if row.size > MAX_BYTES:
            raise CorruptCheckpoint(
                f"{row.key.checkpoint_id} has {row.size:,} bytes; checkpoints over "
                f"{MAX_BYTES:,} bytes are not decoded",
                checkpoint_id=row.key.checkpoint_id,
            )
        place = (row.key.thread_id, row.key.namespace)
        names = [Name(*place, channel, blob.version) for channel, blob in row.blobs.items()]
        found = dict(self._fetched(names, whole=True))
        blobs = {name.channel: found[name] for name in names if name in found}
        return replace(row, blobs=blobs)

    def _one(self, where: str, parameters: Sequence[Any]) -> CheckpointRow | None:
        sql = _CHECKPOINTS.format(columns=_CHECKPOINT_COLUMNS, where=where)
        found = self.session.few(sql, parameters)
        return self._with_blobs(_checkpoint_row(found[0])) if found else None

    def _surrounded(self, portion: Sequence[CheckpointRow]) -> Iterator[CheckpointRow]:
        """Yield rows with their values; what belongs to all of them is read together."""
        if len(portion) > 1:
            self._remember(self._found({name for row in portion for name in _names(row)}))
        if self._ahead:
            self._read_writes(portion)
        return map(self._with_blobs, portion)

    def _read_writes(self, portion: Sequence[CheckpointRow]) -> None:
        keys = {row.key for row in portion}
        keys |= {replace(row.key, checkpoint_id=row.parent_id) for row in portion if row.parent_id}
        self._written = {key: [] for key in keys}
        sql = f"SELECT {self._write_columns} FROM checkpoint_writes WHERE {_ANY_KEY}"
        given = _columns(map(values_of, keys), 3)
        for write in map(_write_row, self.session.few(f"{sql} ORDER BY {self._order}", given)):
            self._written[write.key].append(write)

    def _found(self, names: Iterable[Name]) -> dict[Name, Blob | None]:
        """Return the blobs of names, and which there are none of."""
        names = list(names)
        found = {name: self._known[name] for name in names if name in self._known}
        missing = [name for name in names if name not in found]
        return {**found, **dict.fromkeys(missing), **dict(self._fetched(missing, whole=False))}

    def _with_blobs(self, row: CheckpointRow) -> CheckpointRow:
        versions = versions_in(row.body)
        found = self._found(_names(row))
        self._remember(found)
        blobs = {name.channel: blob for name, blob in found.items() if blob}
        newest = max(versions.values(), default="")
        older = sum(blob.size for blob in blobs.values() if blob.version != newest)
        size = row.size + sum(blob.size for blob in blobs.values())
        row = replace(row, blobs=blobs, size=size, shared_size=older)
        return self.filled(row) if self._whole else row

    def _fetched(self, names: Sequence[Name], *, whole: bool) -> Iterator[tuple[Name, Blob]]:
        if not names:
            return
        given = (MAX_BYTES, whole, list(_OF_THE_RUN), *_columns(names, 4))
        for row in self.session.few(self._blobs_sql, given):
            channel, version, kind, size, sha256, data, thread_id, namespace = row
            blob = Blob(
                version=version,
                type=kind,
                size=size,
                sha256=sha256,
                data=None if data is None else bytes(data),
            )
            yield Name(thread_id, namespace, channel, version), blob

    def _remember(self, found: Mapping[Name, Blob | None]) -> None:
        self._known.update({n: b for n, b in found.items() if not b or len(b.data or b"") <= SMALL})
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _names(row: CheckpointRow) -> list[Name]:
    place = (row.key.thread_id, row.key.namespace)
    return [Name(*place, channel, version) for channel, version in versions_in(row.body).items()]


def _columns(rows: Iterable[tuple[str, ...]], count: int) -> list[list[str]]:
    """Return rows as columns, as statements take them."""
    found = list(rows)
    return [[row[place] for row in found] for place in range(count)]


def versions_in(body: bytes | None) -> dict[str, str]:
    """Return the version of each channel as the blobs name it; none where it cannot be read."""
    try:
        check_json(body or b"")
        content = json.loads(body or b"{}", parse_float=str, parse_int=str)
        versions = content["channel_versions"].items()
    except (CorruptCheckpoint, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    named = ((channel, version) for channel, version in versions if isinstance(version, str))
    return {channel: version for channel, version in named if "\0" not in channel + version}


def values_of(key: Key) -> tuple[str, str, str]:
    """Return a key as parameters of a statement."""
    return key.thread_id, key.namespace, key.checkpoint_id


def _checkpoint_row(row: tuple[Any, ...]) -> CheckpointRow:
    thread_id, namespace, checkpoint_id, parent_id, size, body, metadata = row
    return CheckpointRow(
        key=Key(thread_id, namespace, checkpoint_id),
        parent_id=parent_id or None,
        type="json",
        size=size or 0,
        body=None if body is None else body.encode(),
        metadata=None if metadata is None else metadata.encode(),
    )


def _write_row(row: tuple[Any, ...]) -> WriteRow:
    thread_id, namespace, checkpoint_id, task_id, path, index, channel, kind, size = row
    return WriteRow(
        key=Key(thread_id, namespace, checkpoint_id),
        task_id=task_id,
        task_path=path,
        index=index,
        channel=channel,
        type=kind,
        size=size or 0,
    )
