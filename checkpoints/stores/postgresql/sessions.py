"""Transactions on a store in PostgreSQL: reading, saving, and everything else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import Connection

from checkpoints.records import Checkpoint
from checkpoints.stores.postgresql import rows as own
from checkpoints.stores.postgresql.rows import Db
from checkpoints.stores.postgresql.schema import is_laid, lay
from checkpoints.stores.postgresql.server import Server
from checkpoints.stores.sql.transactions import Told

_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SAVING = "BEGIN ISOLATION LEVEL READ COMMITTED"
_WRITING = "BEGIN ISOLATION LEVEL SERIALIZABLE"
_ALONE = "LOCK TABLE threads IN SHARE ROW EXCLUSIVE MODE"
_MAY = """
SELECT pg_is_in_recovery(), has_table_privilege('threads', 'UPDATE')
    AND has_table_privilege('checkpoints', 'INSERT')
"""


class Sessions:
    """Connections on which the store's tables are known to be laid."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._laid = False

    @contextlib.contextmanager
    def glancing(self) -> Iterator[Db | None]:
        """Give a connection for one statement, None while nothing was ever saved here."""
        with self._server.connected() as connection, self._noticing():
            yield Db(connection) if self._look(connection) else None

    @contextlib.contextmanager
    def reading(self) -> Iterator[Db | None]:
        """Give a connection within one snapshot, None while nothing was ever saved here."""
        with self.glancing() as db:
            if db is None:
                yield None
                return
            with _transaction(db, _READING):
                yield db

    @contextlib.contextmanager
    def following(self) -> Iterator[Told | None]:
        """Give a snapshot in which everything up to a horizon is settled."""
        with self.glancing() as db:
            if db is None:
                yield None
                return
            identity, horizon = own.given_out(db, self._server.where)
            with _transaction(db, _READING):
                yield Told(db, identity, last=own.last(db), horizon=horizon)

    @contextlib.contextmanager
    def quickly(self) -> Iterator[Db]:
        """Give a connection for one statement that writes."""
        with self._prepared() as db:
            yield db

    @contextlib.contextmanager
    def saving(self, record: Checkpoint) -> Iterator[tuple[Db, int]]:
        """Give a transaction that has locked a checkpoint's thread, and how often that was swept.

        Each of its statements sees what was committed before it.
        """
        with self._prepared() as db, _transaction(db, _SAVING):
            own.hold(db)
            yield db, own.lock_thread(db, record)

    @contextlib.contextmanager
    def recording(self) -> Iterator[Db]:
        """Give a transaction for what takes no position: entries of the journal."""
        with self._prepared() as db, _transaction(db, _SAVING):
            yield db

    @contextlib.contextmanager
    def writing(self, *, alone: bool) -> Iterator[Db]:
        """Give a serializable transaction; ``alone`` lets nobody save meanwhile.

        Raises Conflicted when another transaction was in the way.
        """
        with self._prepared() as db, _transaction(db, _WRITING):
            if alone:
                db.execute(_ALONE)
                db.execute("SET LOCAL statement_timeout = 0")
            own.hold(db)
            yield db

    def refusal(self) -> str | None:
        """Say why nothing can be written here, if so."""
        with self.glancing() as db:
            row = db.execute(_MAY).fetchone() if db else (False, True)
        if row[0]:
            return "the server is a replica; name its primary"
        return None if row[1] else "this role may only read the store's tables"

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[Db]:
        with self._server.connected() as connection, self._noticing():
            if not self._look(connection):
                lay(connection, self._server.schema, self._server.where)
                self._laid = True
            yield Db(connection)

    def _look(self, connection: Connection[Any]) -> bool:
        if not self._laid:
            self._laid = is_laid(connection, self._server.schema, self._server.where)
        return self._laid

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        """Look again where the tables have come to be missing."""
        try:
            yield
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith(("42", "3F")):
                self._laid = False
            raise


@contextlib.contextmanager
def _transaction(db: Db, begin: str) -> Iterator[None]:
    db.connection.execute(begin.encode())
    try:
        yield
        db.connection.execute(b"COMMIT")
    except BaseException:
        if not db.connection.closed:
            with contextlib.suppress(psycopg.Error):
                db.connection.execute(b"ROLLBACK")
        raise
