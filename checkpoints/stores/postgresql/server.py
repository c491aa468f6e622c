"""A PostgreSQL server: how it is named in a URL, and connections to it that several threads share.

A connection is lent to one thread at a time. One that is lost is dropped, and with it all that
are idle: they were most likely lost together.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg import Connection, RawCursor
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from checkpoints.errors import PermanentStoreError, TransientStoreError
from checkpoints.forks import renew_in_children
from checkpoints.stores.postgresql.errors import explained
from checkpoints.stores.postgresql.reaching import reached
from checkpoints.stores.postgresql.text import adapt
from checkpoints.stores.urls import StoreUrl

CONNECTIONS = 8
KEPT = 4
"""Connections of one store that stay open while nobody uses them."""
CONNECT_SECONDS = 10
WAIT_SECONDS = 30.0
STATEMENT_SECONDS = 60
LOCK_SECONDS = 20
IDLE_SECONDS = 60
"""After which the server ends a transaction whose client has gone silent in the middle."""
DEFAULT_SCHEMA = "holdfast"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# Every statement finds few rows by an index; a planner that has no statistics yet, or guesses how
# far a chain goes, would read whole tables instead.
_SESSION = """
SELECT set_config('search_path', $1, false),
    set_config('statement_timeout', $2, false),
    set_config('lock_timeout', $3, false),
    set_config('idle_in_transaction_session_timeout', $4, false),
    set_config('jit', 'off', false),
    set_config('enable_hashjoin', 'off', false),
    set_config('enable_mergejoin', 'off', false),
    set_config('enable_bitmapscan', 'off', false),
    set_config('enable_seqscan', 'off', false),
    set_config('plan_cache_mode', 'force_generic_plan', false),
    set_config('row_security', 'off', false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
"""


def parameters_of(url: StoreUrl) -> dict[str, str]:
    """Return what libpq needs to connect to the server and database that a URL names.

    Raises PermanentStoreError for what libpq would refuse at each connection.
    """
    sslmode = url.query.get("sslmode", "prefer")
    if sslmode not in SSL_MODES:
        raise PermanentStoreError(
            f"sslmode={sslmode!r} must be one of {', '.join(SSL_MODES)}; nothing was opened"
        )
    credentials, _, hosts = url.server.rpartition("@")
    user, _, password = credentials.partition(":")
    pairs = [_host_and_port(text) for text in hosts.split(",")]
    apart: dict[str, str] = {}
    if url.reach is not None:
        pairs, apart = reached(pairs, url.reach, unquote(user), unquote(password))
    given = {
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(host for host, _ in pairs),
        "port": ",".join(port for _, port in pairs).strip(","),
        "dbname": url.server_path,
        **{name: value for name, value in url.query.items() if name != "schema"},
    }
    return {name: value for name, value in given.items() if value} | {
        "application_name": "holdfast",
        "client_encoding": "UTF8",
        "connect_timeout": str(CONNECT_SECONDS),
        "keepalives_idle": "20",
        "tcp_user_timeout": "30000",
        "target_session_attrs": "read-write" if "," in hosts else "any",
        **apart,
    }


def _host_and_port(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, ""
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 2**16):
        raise PermanentStoreError(
            f"a PostgreSQL URL has the port {port!r}, which is no number from 1 to 65535; nothing "
            "was opened"
        )
    return unquote(host).strip("[]"), port


class Server:
    """Connections to one database, with our schema before their eyes. ``where`` names it."""

    def __init__(self, parameters: dict[str, str], schema: str, where: str) -> None:
        self.where = where
        self.schema = schema
        self._parameters = parameters
        self._idle: list[Connection[Any]] = []
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        weakref.finalize(self, _close, self._idle)
        renew_in_children(self)

    def after_fork(self) -> None:
        """Connect anew; libpq leaves the parent's connections alone when they are forgotten."""
        self._idle.clear()
        self._places = threading.BoundedSemaphore(CONNECTIONS)

    @contextlib.contextmanager
    def connected(self) -> Iterator[Connection[Any]]:
        """Lend a connection. psycopg's errors leave it as StoreErrors."""
        places = self._places
        if not places.acquire(timeout=WAIT_SECONDS):
            raise TransientStoreError(
                f"{self.where}: all {CONNECTIONS} connections of this process are busy; "
                "nothing was written, try again"
            )
        try:
            with self._lent() as connection:
                yield connection
        except psycopg.Error as error:
            raise explained(error, self.where) from error
        finally:
            places.release()

    def close(self) -> None:
        """Close all connections that nobody uses."""
        _close(self._idle)

    @contextlib.contextmanager
    def _lent(self) -> Iterator[Connection[Any]]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._take_back(connection)

    def _take_back(self, connection: Connection[Any]) -> None:
        if connection.closed:
            _close(self._idle)
        elif (
            connection.info.transaction_status is not TransactionStatus.IDLE
            or len(self._idle) >= KEPT
        ):
            connection.close()
        else:
            self._idle.append(connection)

    def _connect(self) -> Connection[Any]:
        connection: Connection[Any] = psycopg.connect(
            make_conninfo(**self._parameters),
            autocommit=True,
            prepare_threshold=2,
            cursor_factory=RawCursor,
        )
        try:
            adapt(connection)
            connection.execute(_SESSION, self._settings())
        except BaseException:
            connection.close()
            raise
        return connection

    def _settings(self) -> tuple[str, ...]:
        quoted = self.schema.replace('"', '""')
        return (
            f'"{quoted}", pg_temp',
            f"{STATEMENT_SECONDS}s",
            f"{LOCK_SECONDS}s",
            f"{IDLE_SECONDS}s",
        )


def _close(connections: list[Connection[Any]]) -> None:
    while connections:
        with contextlib.suppress(IndexError, psycopg.Error):
            connections.pop().close()
