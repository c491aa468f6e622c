"""Connections to a database that somebody else's program writes, read without changing it.

Reads happen in transactions that are read-only and see one snapshot. Each statement and each wait
for a lock has a limit, and long results come in portions.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from checkpoints.connectors.langgraph_postgresql.errors import explained
from checkpoints.errors import PermanentStoreError
from checkpoints.forks import renew_in_children
from checkpoints.stores.postgresql.server import parameters_of
from checkpoints.stores.urls import StoreUrl, without_password

STATEMENT_SECONDS = 60
LOCK_SECONDS = 5
IDLE_SECONDS = 300
"""After which the server ends a transaction whose client has gone silent in the middle."""
ROWS_AT_ONCE = 16
"""Rows of a long result that are held in memory at a time; each can be large."""
KEPT = 2
"""Connections that stay open while nobody uses them."""

_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_SESSION = """
SELECT set_config('statement_timeout', %s, false),
    set_config('lock_timeout', %s, false),
    set_config('idle_in_transaction_session_timeout', %s, false),
    set_config('default_transaction_read_only', 'on', false),
    set_config('row_security', 'off', false),
    set_config('jit', 'off', false)
"""
_SCHEMA = """
SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass('checkpoints')
"""
_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_DURABLE = """
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)
"""
_REFUSED = re.compile("[\0\ud800-\udfff]")
_numbers = itertools.count()


class Session:
    """One transaction. ``where`` names the database in errors."""

    def __init__(self, connection: Connection[Any], where: str) -> None:
        self.connection = connection
        self.where = where

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, a few at a time. Raises StoreError.

        A text that PostgreSQL cannot hold is found nowhere in it.
        """
        if any(map(_is_refused, parameters)):
            return
        with self._explained(), self._portions() as cursor:
            cursor.execute(sql.encode(), parameters)
            yield from cursor

    def few(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query that has few and small ones. Raises StoreError."""
        if any(map(_is_refused, parameters)):
            return []
        with self._explained():
            return self.connection.execute(sql.encode(), parameters).fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed. Raises StoreError."""
        with self._explained():
            return self.connection.execute(sql.encode(), parameters).rowcount

    @contextlib.contextmanager
    def _portions(self) -> Iterator[psycopg.ServerCursor[Any]]:
        cursor = self.connection.cursor(f"holdfast_{next(_numbers)}")
        cursor.itersize = ROWS_AT_ONCE
        try:
            yield cursor
        finally:
            with contextlib.suppress(psycopg.Error):
                cursor.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise explained(error, self.where) from error
        except UnicodeDecodeError as error:
            raise PermanentStoreError(f"{self.where} holds a text that is not UTF-8") from error


class Database:
    """A database with LangGraph's tables in one of its schemas.

    Without ``?schema=`` it is the schema in which LangGraph itself would find them.
    """

    def __init__(self, url: StoreUrl) -> None:
        self.where = without_password(url.text)
        self.schema: str | None = url.query.get("schema") or None
        self._parameters = parameters_of(url)
        self.name = self._parameters.get("dbname") or self._parameters.get("user", "langgraph")
        self._idle: list[Connection[Any]] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._idle)
        renew_in_children(self)

    def after_fork(self) -> None:
        """Connect anew; libpq leaves the parent's connections alone when they are forgotten."""
        self._idle.clear()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Let all reads inside see the same state of the database. Raises StoreError."""
        with self._transaction(_READING) as session:
            yield session

    @contextlib.contextmanager
    def writing(self, thread_id: str) -> Iterator[Session]:
        """Keep other operations off a thread and commit at the end, or change nothing.

        Each statement sees what was committed before it. Raises StoreError.
        """
        with self._transaction(_WRITING) as session:
            session.few(_DURABLE)
            session.few(_HOLD, (f"holdfast langgraph {self.schema}: {thread_id}",))
            yield session

    def close(self) -> None:
        """Close all connections that nobody uses."""
        with self._lock:
            _close(self._idle)

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Session]:
        try:
            with self._lent() as connection:
                connection.execute(begin.encode())
                try:
                    yield Session(connection, self.where)
                except BaseException:
                    if not connection.closed:
                        with contextlib.suppress(psycopg.Error):
                            connection.execute(b"ROLLBACK")
                    raise
                connection.execute(b"COMMIT")
        except psycopg.Error as error:
            raise explained(error, self.where) from error

    @contextlib.contextmanager
    def _lent(self) -> Iterator[Connection[Any]]:
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        connection = idle or self._connect()
        try:
            yield connection
        finally:
            self._take_back(connection)

    def _take_back(self, connection: Connection[Any]) -> None:
        is_idle = connection.info.transaction_status is TransactionStatus.IDLE
        with self._lock:
            if connection.closed:
                _close(self._idle)
            elif is_idle and len(self._idle) < KEPT:
                self._idle.append(connection)
            else:
                connection.close()

    def _connect(self) -> Connection[Any]:
        connection: Connection[Any] = psycopg.connect(
            make_conninfo(**self._parameters), autocommit=True, prepare_threshold=None
        )
        try:
            limits = (STATEMENT_SECONDS, LOCK_SECONDS, IDLE_SECONDS)
            connection.execute(_SESSION, [f"{seconds}s" for seconds in limits])
            self._look_in_schema(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _look_in_schema(self, connection: Connection[Any]) -> None:
        if self.schema is None:
            found = connection.execute(_SCHEMA).fetchone()
            self.schema = found[0] if found else None
        if self.schema is not None:
            quoted = self.schema.replace('"', '""')
            path = f'"{quoted}", pg_temp'
            connection.execute("SELECT set_config('search_path', %s, false)", (path,))


def _is_refused(value: Any) -> bool:
    return isinstance(value, str) and _REFUSED.search(value) is not None


def _close(connections: list[Connection[Any]]) -> None:
    while connections:
        with contextlib.suppress(psycopg.Error):
            connections.pop().close()
