"""What the fields of a branch's states take up in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from checkpoints.connectors.crewai import jsonb
from checkpoints.connectors.crewai.bodies import Body
from checkpoints.connectors.crewai.sqlite.rows import Rows
from checkpoints.connectors.sqlite_files import space
from checkpoints.errors import CorruptCheckpoint
from checkpoints.measures import FieldSize, Space
from checkpoints.stores.measuring import FieldSums


def field_sizes(rows: Rows, branch: str) -> Iterator[FieldSize]:
    """Yield what each field takes in all checkpoints of a branch; one body is held at a time."""
    sums = FieldSums()
    for row in rows.select("branch = ? ORDER BY rowid", (branch,)):
        with suppress(CorruptCheckpoint):
            sums.add(_sizes(row.body) if row.body else {})
    yield from sums.largest_first()


def space_of(rows: Rows) -> Space:
    """Return what a file takes, with its log."""
    database = rows.database
    return Space(stored=space.taken(database.path), free=space.free(database), orphaned=0)


def _sizes(body: Body) -> dict[str, int]:
    if body.is_jsonb:
        return {name: place.end - place.start for name, place in jsonb.fields(body.data)}
    return {name: len(json.dumps(value)) for name, value in body.decode().items()}
