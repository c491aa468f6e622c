"""The tables of a PostgreSQL store, and whether a schema has them as this version lays them.

Names may be of any length, which no B-tree takes; so what must be unique among them is kept by
hash indexes. ``threads`` leaves room in its pages: a head is moved by every save, within its page.
Frames are compressed already, so PostgreSQL keeps them as they are.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from checkpoints.errors import PermanentStoreError
from checkpoints.identifiers import new_id

FORMAT = 1
PAIR = "(length(thread_id)::text || ':' || thread_id || agent_id)"
"""A thread's two names as one text, from which both can be told apart."""
SHORT = "left(thread_id, 64)"
"""What of a thread's name is in an index."""

_TABLES = {
    "meta": "key TEXT PRIMARY KEY, value TEXT NOT NULL",
    "threads": "thread BIGINT PRIMARY KEY, agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, "
    "position BIGINT NOT NULL, checkpoints BIGINT NOT NULL, head BYTEA NOT NULL, "
    f"swept BIGINT NOT NULL DEFAULT 0, EXCLUDE USING hash ({PAIR} WITH =)",
    "checkpoints": "position BIGINT PRIMARY KEY, id TEXT NOT NULL, thread BIGINT NOT NULL, "
    "base BIGINT, trashed BIGINT, record BYTEA NOT NULL, frame BYTEA NOT NULL, "
    "EXCLUDE USING hash (id WITH =)",
    "events": "position BIGINT PRIMARY KEY, name TEXT NOT NULL, thread BIGINT NOT NULL, "
    "checkpoint_id TEXT, reason TEXT, at BIGINT NOT NULL",
    "moves": "operation_id TEXT NOT NULL, thread BIGINT NOT NULL, head BYTEA NOT NULL, "
    "EXCLUDE USING hash (operation_id WITH =)",
    "pins": "checkpoint_id TEXT NOT NULL, reason TEXT NOT NULL, pinned_at BIGINT NOT NULL, "
    "EXCLUDE USING hash (checkpoint_id WITH =)",
    "quarantine": "position BIGINT PRIMARY KEY, id TEXT NOT NULL, thread BIGINT NOT NULL, "
    "base BIGINT, record BYTEA NOT NULL, frame BYTEA NOT NULL, reason TEXT NOT NULL, "
    "at BIGINT NOT NULL",
}
_SEQUENCES = ("positions", "thread_keys")
_LAID = [
    *(f"CREATE TABLE {name} ({columns})" for name, columns in _TABLES.items()),
    "CREATE SEQUENCE positions MINVALUE 0 START 0",
    "SELECT nextval('positions')",
    "CREATE SEQUENCE thread_keys",
    "ALTER TABLE threads SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)",
    "ALTER TABLE checkpoints ALTER frame SET STORAGE EXTERNAL",
    "ALTER TABLE quarantine ALTER frame SET STORAGE EXTERNAL",
    f"CREATE INDEX threads_by_name ON threads ({SHORT})",
    "CREATE INDEX checkpoints_by_thread ON checkpoints (thread, position) WHERE trashed IS NULL",
    "CREATE INDEX checkpoints_by_base ON checkpoints (base) WHERE base IS NOT NULL",
    "CREATE INDEX checkpoints_in_trash ON checkpoints (trashed) WHERE trashed IS NOT NULL",
]
_FOUND = """
SELECT c.relname::text, c.relkind::text,
    c.relhastriggers OR c.relhasrules OR c.relrowsecurity OR c.relpersistence <> 'p',
    (SELECT array_agg(a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod)
        ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = ANY ($2)
"""


def is_laid(connection: Connection[Any], schema: str, where: str) -> bool:
    """Say whether a schema holds a store; False when it holds nothing under our names.

    Raises PermanentStoreError for another program's tables, for another format, and for tables
    that are not as this version lays them.
    """
    names = [*_TABLES, *_SEQUENCES]
    found = {row[0]: row[1:] for row in connection.execute(_FOUND, (schema, names), binary=True)}
    if not found:
        return False
    _require_format(connection, found, where)
    for name in names:
        if name not in found or not _is_ours(name, *found[name]):
            raise PermanentStoreError(
                f"{where} is not laid out as a Holdfast store: {name} is missing, altered or has "
                "triggers, rules or policies; nothing was changed"
            )
    return True


def _is_ours(name: str, kind: str, altered: bool, columns: list[str] | None) -> bool:  # noqa: FBT001 - a row of the catalogue
    if name in _SEQUENCES:
        return kind == "S"
    return kind == "r" and not altered and columns == _columns(name)


def _columns(table: str) -> list[str]:
    parts = _TABLES[table].split(" EXCLUDE")[0].rstrip(",").split(", ")
    return [" ".join(part.split()[:2]).replace("BIGINT", "bigint").lower() for part in parts]


def _require_format(connection: Connection[Any], found: dict[str, Any], where: str) -> None:
    number = None
    if "meta" in found and found["meta"][0] == "r" and found["meta"][2] == _columns("meta"):
        sql_text = "SELECT value FROM meta WHERE key = 'holdfast_format'"
        number = connection.execute(sql_text, binary=True).fetchone()
    if number is None:
        raise PermanentStoreError(
            f"{where} holds another program's {min(found)!r}, under a name that Holdfast needs; "
            "nothing was changed, name another schema with ?schema="
        )
    if number[0] != str(FORMAT):
        newer = number[0].isdecimal() and int(number[0]) > FORMAT
        raise PermanentStoreError(
            f"{where} has format {number[0]}, this version of Holdfast reads format {FORMAT}; "
            f"nothing was changed, {'a newer' if newer else 'another'} version can open it"
        )


def lay(connection: Connection[Any], schema: str, where: str) -> None:
    """Lay the tables in one transaction, unless another process is just doing so."""
    with connection.transaction():
        key = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
        connection.execute(key, (f"holdfast {schema}",))
        if is_laid(connection, schema, where):
            return
        _require_encoding(connection, where)
        row = connection.execute("SELECT to_regnamespace(quote_ident($1)) IS NULL", (schema,))
        if row.fetchone() == (True,):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        for statement in _LAID:
            connection.execute(_with_collation(statement).encode())
        for pair in (("store_id", new_id()), ("holdfast_format", str(FORMAT))):
            connection.execute("INSERT INTO meta (key, value) VALUES ($1, $2)", pair)


def _with_collation(statement: str) -> str:
    """Compare texts byte by byte: no library's rules, which change with its version."""
    if not statement.startswith("CREATE TABLE"):
        return statement
    return statement.replace(" TEXT", ' TEXT COLLATE "C"')


def _require_encoding(connection: Connection[Any], where: str) -> None:
    row = connection.execute("SELECT current_setting('server_encoding')").fetchone()
    if row is None or row[0] != "UTF8":
        raise PermanentStoreError(
            f"{where} is a database with the encoding {row[0] if row else '?'}, which cannot keep "
            "every name; create one with ENCODING 'UTF8'. Nothing was changed"
        )
