"""LangGraph's tables on PostgreSQL in the sweep: their rows are kept aside and put back."""

from __future__ import annotations

import atexit
import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import time_machine
from psycopg import sql

import checkpoints
from tests.faults.sweep.foreign import Foreign, forget_later_ids, go_on, told_by
from tests.faults.sweep.postgresql import SERVER_URL
from tests.faults.sweep.stores import Thread, _opening

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


@dataclass
class LangGraphTables(Foreign):
    """A database of its own, dropped when the process ends, and the trash in a folder."""

    name: str = "langgraph-postgresql"
    edited: Sequence[str | int] = ("n",)
    threads: Mapping[str, Thread] = field(default_factory=dict)

    def lay(self, folder: Path, now: datetime) -> str:
        from tests.checkpoints.connectors import graphs, langgraph_tables

        forget_later_ids()
        self.folder = folder
        self.address = self._made()
        self.url = langgraph_tables.store_url(self.address).text
        with langgraph_tables.saver(self.address) as saver:
            for thread, until in {"other": 2, "side": 4, "main": 5}.items():
                with time_machine.travel(now - timedelta(hours=9)):
                    given: Any = {**graphs.config(thread), "metadata": told_by(thread)}
                    graphs.counter(saver, until=until).invoke({"n": 0, "log": []}, given)
        self._rows = psycopg.connect(self.address, autocommit=True)
        self._rows.execute("SET synchronous_commit = off")
        self._store = langgraph_tables.opened(self.address)
        atexit.register(self._store.close)
        agent_of = {thread.thread_id: thread.agent_id for thread in self._store.threads()}
        self.threads = {name: (agent_of[name], name) for name in ("main", "side", "other")}
        self.forked = (agent_of["main"], "tried again")
        return self.url

    def open(self) -> Any:
        """Open the store on the connections that there are."""
        from checkpoints.connectors.langgraph_postgresql.store import LangGraphPostgresqlStore

        store = LangGraphPostgresqlStore.__new__(LangGraphPostgresqlStore)
        store.__dict__.update(self._store.__dict__)
        store.close = lambda: None  # type: ignore[method-assign]
        return store

    def image(self) -> Any:
        return super().image(), {table: self._all(table) for table in TABLES}

    def become(self, image: Any) -> None:
        files, rows = image
        super().become(files)
        with self._rows.transaction(), self._rows.cursor() as cursor:
            for table in TABLES:
                if self._all(table) != rows[table]:
                    self._refill(cursor, table, rows[table])

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(self.address) as saver:
            made = go_on(saver, thread[1], expected)
        return self.saved(made, thread[1])

    def opened_by_dashboard(self) -> contextlib.AbstractContextManager[None]:
        return _opening(self)

    def forget(self) -> None:
        """Drop the database before the process ends."""
        self._store.close()
        self._rows.close()
        atexit.unregister(self._drop)
        self._drop(urlsplit(self.address).path.lstrip("/"))

    def _all(self, table: str) -> list[Any]:
        """Return the rows of a table; JSON as its text, as that is how it goes back."""
        whole = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(table))
        return self._rows.execute(whole).fetchall()

    def _refill(self, cursor: psycopg.Cursor[Any], table: str, rows: list[Any]) -> None:
        name = sql.Identifier(table)
        cursor.execute(sql.SQL("DELETE FROM {}").format(name))
        row = sql.SQL("INSERT INTO {0} SELECT (%s::{0}).*").format(name)
        if rows:
            cursor.executemany(row, rows)

    def _made(self) -> str:
        """Make a database and return its address."""
        name = f"holdfast_test_{uuid.uuid4().hex}"
        self._admin = psycopg.connect(SERVER_URL, autocommit=True)
        self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        atexit.register(self._drop, name)
        return urlsplit(SERVER_URL)._replace(path=f"/{name}").geturl()

    def _drop(self, name: str) -> None:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._admin.execute(drop.format(sql.Identifier(name)))
        self._admin.close()
