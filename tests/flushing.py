"""Emptying the test database, although its triggers refuse to delete audit events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

EVENTS = "dashboard_auditevent"
TRIGGERS = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{EVENTS}'"


def allow_flush() -> None:
    """Let what empties the database between two tests empty the audit log too."""
    operations = type(connection.ops)
    execute = operations.execute_sql_flush

    def without_triggers(self: Any, sql_list: Any) -> None:
        with unprotected():
            execute(self, sql_list)

    operations.execute_sql_flush = without_triggers  # type: ignore[method-assign]


@contextmanager
def unprotected() -> Iterator[None]:
    """Let audit events be changed, as somebody who owns the database can."""
    off, on = _postgresql() if connection.vendor == "postgresql" else _sqlite()
    _run(off)
    yield
    _run(on)


def _postgresql() -> tuple[list[str], list[str]]:
    role = "SET session_replication_role ="
    return [f"{role} replica"], [f"{role} DEFAULT"]


def _sqlite() -> tuple[list[str], list[str]]:
    found = _rows(TRIGGERS)
    return [f"DROP TRIGGER {name}" for name, _ in found], [sql for _, sql in found]


def _rows(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _run(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
