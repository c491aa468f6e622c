"""What a database must have to be a LangGraph store, and what forbids writing to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checkpoints.connectors.langgraph_postgresql.database import Session
from checkpoints.errors import PermanentStoreError

KNOWN_VERSION = 9
"""The newest version of LangGraph's tables that is known: the number of its last migration."""

_KEY = {"thread_id", "checkpoint_ns"}
_TABLES = {
    "checkpoints": _KEY
    | {"checkpoint_id", "parent_checkpoint_id", "type", "checkpoint", "metadata"},
    "checkpoint_blobs": _KEY | {"channel", "version", "type", "blob"},
    "checkpoint_writes": _KEY | {"checkpoint_id", "task_id", "idx", "channel", "type", "blob"},
}
_MIGRATIONS = "checkpoint_migrations"
_FOUND = """
SELECT c.relname::text, c.relkind::text, c.relrowsecurity, c.relhasrules,
    ARRAY(SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    ARRAY(SELECT t.tgname::text FROM pg_trigger t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
    has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),
    has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY (%s) AND c.relkind <> 'i'
"""
_KINDS = {"r": "table", "p": "partitioned table", "v": "view", "m": "view", "f": "foreign table"}
_TO_ADD = ("INSERT",)
_TO_REMOVE = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as it was found. ``altered`` says what else happens when it is written to."""

    kind: str
    columns: frozenset[str]
    altered: str | None
    privileges: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What was found: ``has_task_path`` is false for tables of older versions.

    ``no_restore`` says why no rows can be added, ``no_removal`` why none can be taken away.
    ``version`` is the number of the last migration, ``None`` where none is noted.
    """

    has_task_path: bool
    version: int | None
    no_restore: str | None
    no_removal: str | None


def inspect(session: Session, schema: str | None) -> Schema:
    """Look at the tables. Raises PermanentStoreError when they are not LangGraph's."""
    found = tables(session, schema)
    for name, needed in _TABLES.items():
        _require(session.where, name, found.get(name), needed)
    version = _version(session, found)
    reason = _unknown(version) or _replica(session)
    altered = next((found[name].altered for name in _TABLES if found[name].altered), None)
    return Schema(
        has_task_path="task_path" in found["checkpoint_writes"].columns,
        version=version,
        no_restore=reason or altered or _forbidden(found, _TO_ADD),
        no_removal=reason or altered or _forbidden(found, _TO_REMOVE),
    )


def are_there(session: Session, schema: str | None) -> bool:
    """Say whether the tables are LangGraph's, as far as their columns tell."""
    found = tables(session, schema)
    return all(name in found and needed <= found[name].columns for name, needed in _TABLES.items())


def tables(session: Session, schema: str | None) -> dict[str, Table]:
    """Return what has the names of LangGraph's tables."""
    return {row[0]: _table(*row) for row in session.few(_FOUND, (schema, [*_TABLES, _MIGRATIONS]))}


def _table(
    name: str,
    kind: str,
    has_policies: bool,  # noqa: FBT001 - a row of the catalogue
    has_rules: bool,  # noqa: FBT001
    columns: list[str],
    triggers: list[str],
    *may: bool,
) -> Table:
    what = f"trigger {min(triggers)}" if triggers else "rule" if has_rules else None
    what = what or ("row-level policy" if has_policies else None)
    altered = what and (
        f"the table {name} has a {what}, which could change other rows; Holdfast does not write "
        "to such a table"
    )
    privileges = zip(("SELECT", "INSERT", "UPDATE", "DELETE"), may, strict=True)
    return Table(
        kind=kind,
        columns=frozenset(columns),
        altered=altered,
        privileges=frozenset(privilege for privilege, has_it in privileges if has_it),
    )


def _require(where: str, name: str, table: Table | None, needed: set[str]) -> None:
    if table is None or not needed & table.columns - _KEY - {"type"}:
        raise PermanentStoreError(
            f"{where} has no table {name!r} of LangGraph's; name its schema with ?schema=, or let "
            "the agent's saver set it up first"
        )
    if table.kind not in "rp":
        kind = _KINDS.get(table.kind, "relation")
        raise PermanentStoreError(f"{where}: {name} is a {kind}, not a table; it is not read")
    missing = needed - table.columns
    if missing:
        names = ", ".join(sorted(missing))
        raise PermanentStoreError(
            f"{where}: the table {name!r} lacks {names}; LangGraph's shallow saver, which keeps "
            "one checkpoint only, and other layouts are not supported"
        )
    if "SELECT" not in table.privileges:
        raise PermanentStoreError(f"{where}: this role must not read the table {name!r}")


def _version(session: Session, found: dict[str, Table]) -> int | None:
    table = found.get(_MIGRATIONS)
    if table is None or "v" not in table.columns or "SELECT" not in table.privileges:
        return None
    rows: list[tuple[Any, ...]] = session.few(f"SELECT max(v) FROM {_MIGRATIONS}")
    return rows[0][0] if rows and isinstance(rows[0][0], int) else None


def _unknown(version: int | None) -> str | None:
    if version is None:
        return (
            "the version of LangGraph's tables is not noted in checkpoint_migrations; Holdfast "
            "reads such tables and does not write to them"
        )
    if version > KNOWN_VERSION:
        return (
            f"LangGraph's tables have version {version}; this version of Holdfast knows those up "
            f"to {KNOWN_VERSION}, reads what it can and does not write"
        )
    return None


def _replica(session: Session) -> str | None:
    [(is_replica,)] = session.few("SELECT pg_is_in_recovery()")
    return "the server is a replica; name its primary" if is_replica else None


def _forbidden(found: dict[str, Table], needed: tuple[str, ...]) -> str | None:
    for name in _TABLES:
        missing = sorted(set(needed) - found[name].privileges)
        if missing:
            return f"this role may not {', '.join(missing)} rows of the table {name}"
    return None
