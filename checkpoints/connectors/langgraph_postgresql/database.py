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
from checkpoints.stores.urls import StoreUrl

STATEMENT_SECONDS = 60
COPYING_SECONDS = 600
"""How long one statement of an operation may take, which can copy much."""
LOCK_SECONDS = 5
IDLE_SECONDS = 300
"""After which the server ends a transaction whose client has gone silent in the middle."""
ROWS_AT_ONCE = 16
"""Rows of a long result that are held in memory at a time; each can be large."""
KEPT = 2
"""Connections that stay open while nobody uses them."""

_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
# For the transaction only: where connections are pooled, the next one belongs to another program.
_LIMITS = """
SELECT set_config('statement_timeout', %s, true),
    set_config('lock_timeout', %s, true),
    set_config('idle_in_transaction_session_timeout', %s, true),
    set_config('row_security', 'off', true),
    set_config('jit', 'off', true)
"""
_PATH = "SELECT set_config('search_path', %s, true)"
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
        self.is_over = False

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, a few at a time. Raises StoreError.

        A text that PostgreSQL cannot hold is found nowhere in it.
        """
        if any(map(_is_refused, parameters)):
            return
        with self._explained(), self._portions() as cursor:
            cursor.execute(sql.encode(), parameters)
            while found := cursor.fetchmany(ROWS_AT_ONCE):
                yield from found

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
        try:
            yield cursor
        finally:
            if not self.is_over:
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
        self.where = url.shown
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
        with self._transaction(_READING, STATEMENT_SECONDS) as session:
            yield session

    @contextlib.contextmanager
    def writing(self, thread_id: str) -> Iterator[Session]:
        """Keep other operations off a thread and commit at the end, or change nothing.

        Each statement sees what was committed before it. Raises StoreError.
        """
        with self._transaction(_WRITING, COPYING_SECONDS) as session:
            session.few(_DURABLE)
            session.few(_HOLD, (f"holdfast langgraph {self.schema}: {thread_id}",))
            yield session

    def close(self) -> None:
        """Close all connections that nobody uses."""
        with self._lock:
            _close(self._idle)

    @contextlib.contextmanager
    def _transaction(self, begin: str, seconds: int) -> Iterator[Session]:
        try:
            with self._begun(begin) as connection:
                session = Session(connection, self.where)
                try:
                    self._prepare(connection, seconds)
                    yield session
                except BaseException:
                    if not connection.closed:
                        with contextlib.suppress(psycopg.Error):
                            connection.execute(b"ROLLBACK")
                    raise
                else:
                    connection.execute(b"COMMIT")
                finally:
                    session.is_over = True
        except psycopg.Error as error:
            raise explained(error, self.where) from error

    @contextlib.contextmanager
    def _begun(self, begin: str) -> Iterator[Connection[Any]]:
        """Lend a connection on which a transaction began; idle ones may have been lost."""
        connection = self._idle_one()
        while connection is not None:
            try:
                connection.execute(begin.encode())
                break
            except psycopg.OperationalError:
                connection.close()
                connection = self._idle_one()
        if connection is None:
            connection = self._connect()
            connection.execute(begin.encode())
        try:
            yield connection
        finally:
            self._take_back(connection)

    def _idle_one(self) -> Connection[Any] | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

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
        return connection

    def _prepare(self, connection: Connection[Any], seconds: int) -> None:
        limits = (seconds, LOCK_SECONDS, IDLE_SECONDS)
        connection.execute(_LIMITS, [f"{limit}s" for limit in limits])
        if self.schema is None:
            found = connection.execute(_SCHEMA).fetchone()
            self.schema = found[0] if found else None
        if self.schema is not None:
            quoted = self.schema.replace('"', '""')
            connection.execute(_PATH, (f'"{quoted}", pg_temp',))


def _is_refused(value: Any) -> bool:
    return isinstance(value, str) and _REFUSED.search(value) is not None


def _close(connections: list[Connection[Any]]) -> None:
    while connections:
        with contextlib.suppress(psycopg.Error):
            connections.pop().close()
