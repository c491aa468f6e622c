"""Cursors of Holdfast's own stores: ``<store id>:<position>``."""

from __future__ import annotations


def position_of(cursor: str | None, store_id: str, last: int) -> int | None:
    """Return the position that a cursor names, or None when it does not fit this store.

    No cursor is the beginning, position 0.
    """
    if not cursor:
        return 0
    identity, _, position = cursor.partition(":")
    fits = identity == store_id and position.isascii() and position.isdecimal()
    return int(position) if fits and int(position) <= last else None
