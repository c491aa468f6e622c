"""The PostgreSQL store in the sweep: its rows are kept aside and put back."""

from __future__ import annotations

import atexit
import contextlib
import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from checkpoints.stores.postgresql.server import Server, parameters_of
from checkpoints.stores.postgresql.store import PostgresqlStore
from checkpoints.stores.urls import parse_url
from tests.faults.sweep.stores import Native, _opening

SERVER_URL = os.environ.get(
    "HOLDFAST_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
SCHEMA = "holdfast"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
SEQUENCES = """
SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = %s
"""


@dataclass
class PostgreSql(Native):
    """A database of its own, dropped when the process ends."""

    name: str = "postgresql"

    def lay(self, folder: Path, now: datetime) -> str:
        name = f"holdfast_test_{uuid.uuid4().hex}"
        self._admin = psycopg.connect(SERVER_URL, autocommit=True)
        self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        atexit.register(self._drop, name)
        url = urlsplit(SERVER_URL)._replace(path=f"/{name}").geturl()
        self._server = Server(parameters_of(parse_url(url)), SCHEMA, name)
        self._lay(now)
        self._rows = psycopg.connect(url, autocommit=True)
        self._rows.execute("SET synchronous_commit = off")
        self._tables = [row[0] for row in self._rows.execute(TABLES, [SCHEMA])]
        return url

    def open(self) -> Any:
        store = PostgresqlStore(self._server, "postgresql://sweep")
        store.close = lambda: None  # type: ignore[method-assign]
        return store

    def image(self) -> Any:
        rows = {table: self._all(table) for table in self._tables}
        return rows, self._rows.execute(SEQUENCES, [SCHEMA]).fetchall()

    def become(self, image: Any) -> None:
        rows, sequences = image
        with self._rows.transaction(), self._rows.cursor() as cursor:
            for table in self._tables:
                if self._all(table) != rows[table]:
                    self._refill(cursor, table, rows[table])
            for name, value in sequences:
                at = ("SELECT setval(%s, %s, %s)", [f"{SCHEMA}.{name}", max(value, 0), True])
                if value or name == "positions":
                    cursor.execute(*at)

    def opened_by_dashboard(self) -> contextlib.AbstractContextManager[None]:
        return _opening(self)

    def _all(self, table: str) -> list[Any]:
        return self._rows.execute(
            sql.SQL("SELECT * FROM {}").format(sql.Identifier(SCHEMA, table))
        ).fetchall()

    def _refill(self, cursor: psycopg.Cursor[Any], table: str, rows: list[Any]) -> None:
        name = sql.Identifier(SCHEMA, table)
        cursor.execute(sql.SQL("DELETE FROM {}").format(name))
        if rows:
            places = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
            cursor.executemany(sql.SQL("INSERT INTO {} VALUES ({})").format(name, places), rows)

    def _drop(self, name: str) -> None:
        self._server.close()
        self._rows.close()
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._admin.execute(drop.format(sql.Identifier(name)))
        self._admin.close()
