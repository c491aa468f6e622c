"""Where a worker can be struck: before and after each of its steps, and inside what a store does.

Each boundary is announced to the play that is on, which may kill the worker there, put it to sleep
while others act, or let it go on.
"""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

READS = ("head", "get", "history", "load", "exempt", "needed_by", "trashed", "in_trash")
PLANS = ("plan_restore", "plan_fork", "choose_ids", "choose_fork_ids")
ACTS = ("restore", "fork", "remove", "put_back", "purge", "erase_thread")
PRIMITIVES = ("set_head", "put_many", "trash", "untrash", "erase", "record")
TRANSACTIONS = ("_exclusive", "_writing", "_erasing", "_saving")
TRASH = ("keep", "items", "drop")
WORK = ("check", "safety", "steps", "apply", "verify")
CLAIMS = ("claim", "advance", "hold_thread", "release_thread", "give_back", "write")
JOURNAL = ("steps_of", "write_steps", "mark_begun", "mark_done", "forget_steps")
CHANGING = ("INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT", "BEGIN")
FILE_EVENTS = ("os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate")


class Play(Protocol):
    """What is told of each boundary.

    ``acting`` counts the acts of stores that are under way, ``held`` their transactions; a store
    that is ``lying`` says that it restored, and does not.
    """

    acting: int
    held: int
    lying: bool

    def at(self, name: str, *, inside: bool = False, changed: bool = False) -> None:
        """Come to a boundary: ``inside`` an act, or where one has just ``changed`` the store."""
        ...

    def owns(self, path: str) -> bool:
        """Return whether a file belongs to the store."""
        ...


class Stage:
    """The one place where plays are put on."""

    def __init__(self) -> None:
        self.play: Play | None = None

    @contextmanager
    def putting_on(self, play: Play | None) -> Iterator[None]:
        """Announce boundaries to a play; None lets everything pass unnoticed."""
        before, self.play = self.play, play
        try:
            yield
        finally:
            self.play = before


STAGE = Stage()


def install() -> None:
    """Hook into services and stores, once for this process."""
    _install_services()
    for store in _store_classes():
        for name in (*READS, *PLANS):
            _wrap(store, name, store.__name__)
        for name in (*ACTS, *PRIMITIVES):
            _wrap(store, name, store.__name__, changes=True)
        for name in TRANSACTIONS:
            _hold(store, name)
    _install_graph_tables()
    _install_files()


def _install_services() -> None:
    from django.db import connection

    from checkpoints.trash import StoreTrash
    from dashboard.services import scans
    from dashboard.services.operations import claims, journal, kinds, running

    for name in CLAIMS:
        _wrap(claims, name, "claims")
    for name in JOURNAL:
        _wrap(journal, name, "journal")
    for work in _works(kinds):
        for name in WORK:
            _wrap(work, name, work.__name__)
    for name in TRASH:
        _wrap(StoreTrash, name, "trash", changes=name != "items")
    _wrap(running, "end", "end")
    _wrap(scans, "scan_source", "scan")
    connection.execute_wrappers.append(_statement)


def _install_graph_tables() -> None:
    """Announce each statement of an act on LangGraph's tables, and hold its transactions."""
    from checkpoints.connectors.langgraph_postgresql.database import Database, Session

    _hold(Database, "writing")
    real = Session.execute

    @functools.wraps(real)
    def executed(session: Session, sql: str, *args: Any) -> int:
        if STAGE.play is not None and sql.lstrip().startswith(CHANGING):
            STAGE.play.at(f"table {sql.split(None, 1)[0].lower()}", inside=True)
        return real(session, sql, *args)

    Session.execute = executed  # type: ignore[assignment,method-assign]


def _works(kinds: Any) -> list[type]:
    names = [name for name in vars(kinds) if name.endswith("Work") and name != "Work"]
    return [getattr(kinds, name) for name in names]


def _store_classes() -> list[type]:
    from checkpoints.connectors.agent_framework import AgentFrameworkStore
    from checkpoints.connectors.crewai import CrewAIFolderStore, CrewAISqliteStore
    from checkpoints.connectors.dreamos import DreamosStore
    from checkpoints.connectors.kaizen.store import KaizenStore
    from checkpoints.connectors.langgraph_postgresql.store import LangGraphPostgresqlStore
    from checkpoints.connectors.langgraph_sqlite.store import LangGraphSqliteStore
    from checkpoints.stores.folder.store import FileStore
    from checkpoints.stores.memory import MemoryStore
    from checkpoints.stores.postgresql.store import PostgresqlStore
    from checkpoints.stores.sqlite.store import SqliteStore

    native = [MemoryStore, SqliteStore, FileStore, PostgresqlStore]
    graphs = [LangGraphSqliteStore, LangGraphPostgresqlStore]
    documents = [KaizenStore, DreamosStore, AgentFrameworkStore, CrewAIFolderStore]
    return [*native, *graphs, *documents, CrewAISqliteStore]


def _wrap(owner: Any, name: str, label: str, *, changes: bool = False) -> None:
    """Announce a boundary before and one after a function."""
    real = getattr(owner, name, None)
    if real is None:
        return

    @functools.wraps(real)
    def wrapped(*args: Any, **options: Any) -> Any:
        play = STAGE.play
        if play is None:
            return real(*args, **options)
        play.at(f"before {label}.{name}")
        if play.lying and name == "restore":
            play.lying = False
            return args[0].head(args[1].agent_id, args[1].thread_id)
        play.acting += changes
        try:
            result = real(*args, **options)
        finally:
            play.acting -= changes
        play.at(f"after {label}.{name}", changed=changes)
        return result

    setattr(owner, name, wrapped)


def _hold(owner: Any, name: str) -> None:
    """Note while a store's transaction is open: nobody else can act in it then."""
    real = getattr(owner, name, None)
    if real is None:
        return

    @functools.wraps(real)
    def wrapped(*args: Any, **options: Any) -> Any:
        play = STAGE.play
        if play is None:
            return real(*args, **options)
        if name == "_saving":
            play.held += 1
            try:
                return real(*args, **options)
            finally:
                play.held -= 1
        return _held(play, real(*args, **options))

    setattr(owner, name, wrapped)


@contextmanager
def _held(play: Play, transaction: Any) -> Iterator[Any]:
    play.held += 1
    try:
        with transaction as opened:
            yield opened
            play.at("before commit", inside=True)
    finally:
        play.held -= 1


def _statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    play = STAGE.play
    if play is not None and sql.startswith(CHANGING[:4]):
        play.at(f"index {sql.split(None, 3)[0].lower()}", inside=True)
    return execute(sql, params, many, context)


def _install_files() -> None:
    """Announce what a store does to its files, and each statement that changes a SQLite file."""
    connect = sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(_traced)
        return connection

    sqlite3.connect = connected  # type: ignore[assignment]
    sys.addaudithook(_audited)


def _traced(sql: str) -> None:
    play = STAGE.play
    if play is not None and play.acting and sql.lstrip().upper().startswith(CHANGING):
        play.at(f"file {sql.split(None, 1)[0].lower()}", inside=True)


def _audited(event: str, args: tuple[Any, ...]) -> None:
    play = STAGE.play
    if play is None or not play.acting:
        return
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
        name = "file open"
    elif event in FILE_EVENTS:
        name = event.replace("os.", "file ")
    else:
        return
    if play.owns(os.fsdecode(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else ""):
        play.at(name, inside=True)
