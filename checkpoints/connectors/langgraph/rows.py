"""The rows of LangGraph's tables, as values, whatever database they lie in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

ROOT = ""


@dataclass(frozen=True, slots=True)
class Key:
    """What names a checkpoint in a store."""

    thread_id: str
    namespace: str
    checkpoint_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A channel's value that is kept apart from the body, under its version.

    ``data`` is ``None`` when it is past the limit or was not asked for; ``sha256`` is its digest.
    """

    version: str
    type: str
    size: int
    sha256: str
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """One row of ``checkpoints``; ``body`` is ``None`` when it is missing or past the limit.

    ``blobs`` are the values of the channels that the body does not hold itself, and ``size``
    counts them; of it ``shared_size`` lies with other checkpoints.
    """

    key: Key
    parent_id: str | None
    type: str | None
    size: int
    body: bytes | None
    metadata: bytes | None
    rowid: int = 0
    shared_size: int = 0
    blobs: Mapping[str, Blob] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRow:
    """What a task gave to a channel, without the value."""

    key: Key
    task_id: str
    task_path: str
    index: int
    channel: str
    type: str | None
    size: int
    rowid: int = 0


class LangGraphRows(Protocol):
    """Reads the rows of an open store. ``where`` names the store in errors."""

    @property
    def where(self) -> str:
        """The store, for errors."""
        ...

    def thread_ids(self) -> list[str]:
        """Return the ids of all threads."""
        ...

    def namespaces(self, thread_id: str) -> list[str]:
        """Return the namespaces of a thread, in no order."""
        ...

    def count(self, thread_id: str, namespace: str | None = None) -> int:
        """Return how many checkpoints a thread has, in one namespace or in all."""
        ...

    def counts(self) -> dict[str, int]:
        """Return how many checkpoints each thread has."""
        ...

    def parents(self, thread_id: str, namespace: str) -> dict[str, str | None]:
        """Return the parent of each checkpoint of a namespace."""
        ...

    def checkpoint(self, key: Key) -> CheckpointRow | None:
        """Return one checkpoint row."""
        ...

    def first(self, thread_id: str) -> CheckpointRow | None:
        """Return the oldest checkpoint of a thread outside subgraphs."""
        ...

    def head(self, thread_id: str, namespace: str = ROOT) -> CheckpointRow | None:
        """Return the newest checkpoint of a namespace: what LangGraph resumes from."""
        ...

    def newest_first(
        self, thread_id: str, namespace: str, *, not_after: str | None = None
    ) -> Iterator[CheckpointRow]:
        """Yield the checkpoints of a namespace up to one of them, newest first."""
        ...

    def counting_deltas(self, thread_id: str, namespace: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of the checkpoints that count writes to delta channels."""
        ...

    def called_after(self, thread_id: str, checkpoint_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of what subgraphs that begin anew wrote after a checkpoint."""
        ...

    def writes(self, key: Key) -> list[WriteRow]:
        """Return what tasks wrote after this checkpoint, in the order of their tasks."""
        ...

    def write_value(self, write: WriteRow) -> bytes:
        """Return the stored bytes of one write; empty when they are past the limit."""
        ...


def names_of(rows: LangGraphRows, thread_id: str) -> set[tuple[str, str]]:
    """Return the namespace and id of every checkpoint of a thread."""
    spaces = rows.namespaces(thread_id)
    return {(space, name) for space in spaces for name in rows.parents(thread_id, space)}


def blob_of(value: Any) -> bytes:
    """Return a column's bytes, whatever type the store gave it."""
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else b""


def text_of(value: Any) -> str:
    """Return a column's text, whatever type the store gave it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
