"""How much of a store holds what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSize:
    """What one field takes up in all checkpoints of a thread.

    ``field`` is its name (in LangGraph the channel), ``written_by`` the step that wrote it (in
    LangGraph the node), ``None`` where that is not told. ``size`` is in bytes before compression,
    ``stored_size`` as it lies in the store, ``None`` where fields are not stored apart.
    """

    field: str
    written_by: str | None = None
    checkpoints: int
    size: int
    stored_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a store takes up as a whole, in bytes; ``None`` where that cannot be told.

    ``stored`` is all of it: files, tables, their indexes. ``free`` holds nothing and would come
    back by compacting, ``orphaned`` holds what no checkpoint refers to any more, ``trashed`` lies
    in the store's own trash.
    """

    stored: int | None = None
    free: int | None = None
    orphaned: int | None = None
    trashed: int | None = None
