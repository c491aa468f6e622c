"""Schemas that are made for a trial: removed whole, and spoilt to see that it is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, sql

from checkpoints.records import Checkpoint
from checkpoints.stores.postgresql.server import DEFAULT_SCHEMA, Server, parameters_of
from checkpoints.stores.scratch import require_scratch
from checkpoints.stores.urls import parse_url, without_password

_SPOIL = """
UPDATE checkpoints
SET frame = set_byte(frame, length(frame) / 2, get_byte(frame, length(frame) / 2) # 1)
WHERE id = $1
"""


def remove_scratch(url: str) -> None:
    """Drop a schema that was made for a trial. Raises PermanentStoreError for any other."""
    with _connected(url) as (connection, schema):
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))


def spoil(url: str, checkpoint: Checkpoint) -> None:
    """Flip a bit of a checkpoint's frame, or flip it back, in a schema made for a trial."""
    with _connected(url) as (connection, _):
        connection.execute(_SPOIL, (checkpoint.id,))


@contextmanager
def _connected(url: str) -> Iterator[tuple[Connection[Any], str]]:
    parsed = parse_url(url)
    schema = parsed.query.get("schema") or DEFAULT_SCHEMA
    require_scratch(schema)
    server = Server(parameters_of(parsed), schema, without_password(url))
    try:
        with server.connected() as connection:
            yield connection, schema
    finally:
        server.close()
